"""A machine or a supplier for every operation, and the resources that may run each job."""
