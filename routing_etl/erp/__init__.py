"""Reading the ERP: profiles, streaming extract, cleaning with rejects, the demo plant."""
