"""The shipped proxy configurations in front of real webservers: nginx, Apache httpd with an LDAP server, Dagster.

Only the lines that are marked `CHANGE`, host names and ports are replaced.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import http.server
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "dagster_defs" / "deploy"
JOB = """
import dagster as dg

@dg.op
def look(): ...

@dg.job
def trivial(): look()

defs = dg.Definitions(jobs=[trivial])
"""
_LAUNCH = """
mutation { launchRun(executionParams: {
  selector: {repositoryLocationName: "jobs.py", repositoryName: "__repository__", jobName: "trivial"}, runConfigData: {}
}) { __typename } }
"""

_LOADED = json.dumps({"query": """{ workspaceOrError { ... on Workspace { locationEntries {
  locationOrLoadError { __typename ... on PythonError { message } } } } } }"""}).encode()  # fmt: skip


def needs(*programs: str) -> None:
    """Skip where a program of the system is missing."""
    missing = [p for p in programs if shutil.which(p, path=f"{os.environ['PATH']}:/usr/sbin") is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def await_port(port: int, process: subprocess.Popen[bytes], log: Path, seconds: float = 120) -> None:
    """Wait until somebody listens; fail with the log if the process ends."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    pytest.fail(f"{process.args}: {log.read_text(errors='replace')[-2000:]}")


@contextmanager
def running(words: list[str], port: int, folder: Path, **variables: str) -> Iterator[None]:
    """A server of the system for the block."""
    with begun(words, port, folder, **variables) as ready:
        ready()
        yield


@contextmanager
def begun(words: list[str], port: int, folder: Path, **variables: str) -> Iterator[Callable[[], None]]:
    """The same, while it may still start: what is given waits until it listens."""
    log = folder / f"{Path(words[0]).name}-{port}.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            words, cwd=folder, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True,
            env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin", **variables},
        )  # fmt: skip
    try:
        yield lambda: await_port(port, process, log)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(20)


class Answer:
    """What a server answered."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def data(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def ask(
    port: int,
    path: str = "/",
    *,
    authority: Path | None = None,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """One request to this machine, over TLS if the authority that signed its certificate is given."""
    if authority is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    else:
        trust = ssl.create_default_context(cafile=str(authority))
        connection = http.client.HTTPSConnection("localhost", port, timeout=60, context=trust)
    with contextlib.closing(connection):
        connection.request("GET" if body is None else "POST", path, body, headers or {})
        found = connection.getresponse()
        return Answer(found.status, {k.lower(): v for k, v in found.getheaders()}, found.read())


def launch(port: int, authority: Path | None, headers: dict[str, str]) -> str:
    """What a webserver says to a launch: the type of its answer, or the HTTP status of a refusal before it."""
    asked = json.dumps({"query": _LAUNCH}).encode()
    answer = ask(
        port,
        "/graphql",
        authority=authority,
        body=asked,
        headers={"Content-Type": "application/json", **headers},
    )
    if answer.status in (401, 403):
        return str(answer.status)
    return str(answer.data["data"]["launchRun"]["__typename"])


def basic(user: str, password: str) -> dict[str, str]:
    """The header of a login."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@contextmanager
def webservers(folder: Path) -> Iterator[tuple[int, int]]:
    """The ports of a Dagster webserver and of a read-only one, on one instance with one job.

    The instance is made before the servers start: two processes that make its SQLite files at once break each other.
    """
    home = folder / "dagster_home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    (folder / "jobs.py").write_text(JOB, encoding="utf-8")
    with DagsterInstance.from_config(str(home)) as instance:
        instance.get_runs_count()
    ports = (free_port(), free_port())
    commands = [
        [sys.executable, "-m", "dagster_webserver", "-h", "127.0.0.1", "-p", str(port), "-f", str(folder / "jobs.py"), *more]
        for port, more in zip(ports, ([], ["--read-only"]), strict=True)
    ]  # fmt: skip
    with (
        begun(commands[0], ports[0], folder, DAGSTER_HOME=str(home)) as first,
        begun(commands[1], ports[1], folder, DAGSTER_HOME=str(home)) as second,
    ):
        first()
        second()
        for port in ports:
            found = ask(port, "/graphql", body=_LOADED, headers={"Content-Type": "application/json"}).data
            (entry,) = found["data"]["workspaceOrError"]["locationEntries"]
            assert entry["locationOrLoadError"]["__typename"] == "RepositoryLocation", entry
        yield ports


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine that is its own authority, and its key."""
    made, key = folder / "tls.crt", folder / "tls.key"
    # An LDAP client asks for the machine's own name where the address says localhost.
    names = ",".join(f"DNS:{name}" for name in sorted({"localhost", socket.gethostname(), socket.getfqdn()}))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", str(key), "-out", str(made),
         "-subj", "/CN=localhost", "-addext", f"subjectAltName={names},IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return made, key


# --- nginx ------------------------------------------------------------------------------------------------------------------


@contextmanager
def login_stand_in(upstream: int, allowed: str) -> Iterator[int]:
    """In place of the OpenID Connect proxy, which needs a provider: it refuses who has no token and passes the rest on."""

    class Login(http.server.BaseHTTPRequestHandler):
        def _pass(self) -> None:
            if self.headers.get("X-Token") != allowed:
                self.send_error(401)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
            kept = {k: self.headers[k] for k in ("Content-Type",) if k in self.headers}
            found = ask(upstream, self.path, body=body, headers=kept)
            self.send_response(found.status)
            self.send_header("Content-Length", str(len(found.body)))
            self.send_header("X-Seen-Proto", self.headers.get("X-Forwarded-Proto", "none"))
            self.send_header("X-Seen-Upgrade", self.headers.get("Upgrade", "none"))
            self.end_headers()
            self.wfile.write(found.body)

        do_GET = do_POST = _pass

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Login)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def changed(name: str, *replacements: tuple[str, str]) -> str:
    """A shipped file with these texts replaced; each must be there."""
    text = (DEPLOY / name).read_text(encoding="utf-8")
    for old, new in replacements:
        assert old in text, f"{name}: {old}"
        text = text.replace(old, new)
    return text


@contextmanager
def nginx(folder: Path, logins: tuple[int, int]) -> Iterator[tuple[int, int, Path]]:
    """nginx with the shipped configuration before two login proxies: ports of operators and viewers, and the authority."""
    made, key = certificate(folder)
    ports = (free_port(), free_port())
    places = "".join(
        f"  {kind}_temp_path {folder / kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = changed(
        "nginx.conf",
        ("/etc/nginx/certs/tls.crt", str(made)), ("/etc/nginx/certs/tls.key", str(key)),
        ("listen 443 ssl", f"listen 127.0.0.1:{ports[0]} ssl"), ("listen 8443 ssl", f"listen 127.0.0.1:{ports[1]} ssl"),
        ("http://login:4180", f"http://127.0.0.1:{logins[0]}"), ("http://login_viewers:4180", f"http://127.0.0.1:{logins[1]}"),
        ("http {\n", f"http {{\n  access_log off;\n{places}"),
    )  # fmt: skip
    conf = folder / "nginx.conf"
    conf.write_text(text, encoding="utf-8")
    words = [
        "nginx",
        "-p",
        str(folder),
        "-c",
        str(conf),
        "-e",
        "stderr",
        "-g",
        f"daemon off; pid {folder / 'nginx.pid'};",
    ]
    with running(words, ports[0], folder):
        yield (*ports, made)


# --- Apache httpd and LDAP ------------------------------------------------------------------------------------------------------

PASSWORDS = {"olga": "operates-7", "vera": "looks-8"}
_SEARCH_PASSWORD = "searches-9"
_SCHEMA = """
attributetype ( 1.2.840.113556.1.4.221 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 1.2.840.113556.1.5.9 NAME 'user' SUP inetOrgPerson STRUCTURAL MAY sAMAccountName )
"""
_PEOPLE = "OU=People,DC=example,DC=com"


@contextmanager
def directory(folder: Path, made: Path, key: Path) -> Iterator[int]:
    """An LDAP server over TLS with the names that Active Directory uses; returns its port."""
    data = folder / "ldap"
    data.mkdir()
    port = free_port()
    schemas = "".join(f"include /etc/ldap/schema/{n}.schema\n" for n in ("core", "cosine", "inetorgperson"))
    conf = folder / "slapd.conf"
    conf.write_text(
        f"{schemas}{_SCHEMA}\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\npidfile {folder}/slapd.pid\n"
        f"TLSCertificateFile {made}\nTLSCertificateKeyFile {key}\nTLSCACertificateFile {made}\n"
        f'database mdb\nsuffix "DC=example,DC=com"\nrootdn "CN=root,DC=example,DC=com"\ndirectory {data}\n'
        "access to attrs=userPassword by anonymous auth by * none\n"
        'access to * by dn.exact="CN=svc-dagster,OU=Service,DC=example,DC=com" read by * none\n',
        encoding="utf-8",
    )
    people = "".join(
        f"dn: CN={name},{_PEOPLE}\nobjectClass: user\ncn: {name}\nsn: {name}\nsAMAccountName: {name}\nuserPassword: {word}\n\n"
        for name, word in PASSWORDS.items()
    )
    units = "".join(
        f"dn: OU={unit},DC=example,DC=com\nobjectClass: organizationalUnit\nou: {unit}\n\n"
        for unit in ("People", "Service", "Groups")
    )
    groups = "".join(
        f"dn: CN={group},OU=Groups,DC=example,DC=com\nobjectClass: groupOfNames\ncn: {group}\nmember: CN={name},{_PEOPLE}\n\n"
        for group, name in (("routing-operators", "olga"), ("routing-viewers", "vera"))
    )
    ldif = (
        "dn: DC=example,DC=com\nobjectClass: domain\ndc: example\n\n"
        f"{units}dn: CN=svc-dagster,OU=Service,DC=example,DC=com\nobjectClass: user\ncn: svc-dagster\nsn: svc\n"
        f"userPassword: {_SEARCH_PASSWORD}\n\n{people}{groups}"
    )
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"}
    filled = subprocess.run(
        ["slapadd", "-f", str(conf)], input=ldif.encode(), capture_output=True, check=False, env=environment
    )
    assert filled.returncode == 0, filled.stderr.decode()
    with running(["slapd", "-d", "0", "-f", str(conf), "-h", f"ldaps://127.0.0.1:{port}"], port, folder):
        yield port


@contextmanager
def apache(upstreams: tuple[int, int]) -> Iterator[tuple[int, int, Path]]:
    """Apache httpd with the shipped configuration before two webservers: ports of operators and viewers, and the authority."""
    with tempfile.TemporaryDirectory(prefix="apache-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # its ordinary user reads the authority's certificate
        with _apache(folder, upstreams) as found:
            yield found


@contextmanager
def _apache(folder: Path, upstreams: tuple[int, int]) -> Iterator[tuple[int, int, Path]]:
    made, key = certificate(folder)
    secret = folder / "ldap-password"
    secret.write_text(_SEARCH_PASSWORD, encoding="utf-8")
    ports = (free_port(), free_port())
    modules = (
        "mpm_event", "authn_core", "authz_core", "authz_user", "auth_basic", "macro", "ssl", "proxy", "proxy_http",
        "proxy_wstunnel", "rewrite", "ldap", "authnz_ldap",
    )  # fmt: skip
    with directory(folder, made, key) as ldap:
        text = changed(
            "apache-ldap.conf",
            ("/etc/ssl/certs/company-ca.pem", str(made)), ("/etc/ssl/certs/dagster.crt", str(made)),
            ("/etc/ssl/private/dagster.key", str(key)), ("ldaps://dc.example.com/", f"ldaps://localhost:{ldap}/"),
            ("/bin/cat /etc/apache2/ldap-password", f"/bin/cat {secret}"),
            ("*:443>", f"127.0.0.1:{ports[0]}>"), ("*:8443>", f"127.0.0.1:{ports[1]}>"),
            ("webserver:3000", f"127.0.0.1:{upstreams[0]}"), ("viewer:3000", f"127.0.0.1:{upstreams[1]}"),
        )  # fmt: skip
        loaded = "".join(f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so\n" for m in modules)
        user = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
        conf = folder / "apache.conf"
        conf.write_text(
            f"ServerRoot {folder}\nServerName localhost\nPidFile {folder}/apache.pid\nDefaultRuntimeDir {folder}\n"
            f"ErrorLog {folder}/apache-error.log\n{loaded}{user}"
            + "".join(f"Listen 127.0.0.1:{port}\n" for port in ports) + text,
            encoding="utf-8",
        )  # fmt: skip
        with running(["apache2", "-f", str(conf), "-D", "FOREGROUND"], ports[0], folder):
            yield (*ports, made)
