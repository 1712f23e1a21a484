# ruff: noqa: E501
"""The other tools, each in an environment of its own under ~/.cache, each run over a folder at its defaults."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HOME = Path.home() / ".cache" / "radcommons-peers"
DCMANON = """
import sys, pathlib
from dcmanon import Anonymizer
a = Anonymizer()
source, target = map(pathlib.Path, sys.argv[1:])
for n, p in enumerate(q for q in sorted(source.rglob('*')) if q.is_file()):
    try:
        (target / f'{n}.dcm').write_bytes(a.anonymize(str(p)))
    except BaseException as e:
        print('failed', type(e).__name__)
"""
# Its command ends at the first file that it cannot write, so its library goes on from file to file.
DICOGNITO = """
import sys, pathlib, pydicom
from dicognito.anonymizer import Anonymizer
a = Anonymizer()
source, target = map(pathlib.Path, sys.argv[1:])
for n, p in enumerate(q for q in sorted(source.rglob('*')) if q.is_file()):
    try:
        ds = pydicom.dcmread(p)
        a.anonymize(ds)
        ds.save_as(target / f'{n}.dcm', enforce_file_format=True)
    except Exception as e:
        print('failed', type(e).__name__)
"""
ANONYMIZER = """
import sys, pathlib
from dicomanonymizer import anonymize_dicom_file
source, target = map(pathlib.Path, sys.argv[1:])
for n, p in enumerate(q for q in sorted(source.rglob('*')) if q.is_file()):
    try:
        anonymize_dicom_file(str(p), str(target / f'{n}.dcm'))
    except BaseException as e:
        print('failed', type(e).__name__)
"""
DEID = """
import sys, pathlib, logging
from deid.dicom import replace_identifiers
source, target = map(pathlib.Path, sys.argv[1:])
for n, p in enumerate(q for q in sorted(source.rglob('*')) if q.is_file()):
    (target / str(n)).mkdir()
    try:
        replace_identifiers([str(p)], save=True, output_folder=str(target / str(n)), overwrite=True)
    except BaseException as e:
        print('failed', type(e).__name__)
"""
RSNA = """
import sys, pathlib, anonymizer, tempfile
from anonymizer.model.project import ProjectModel
from anonymizer.controller.anonymizer import AnonymizerController
source, target = map(pathlib.Path, sys.argv[1:])
script = next(pathlib.Path(anonymizer.__file__).parent.rglob('default-anonymizer.script'))
m = ProjectModel(site_id='99', project_name='B', uid_root='1.2.3.4.99', storage_dir=target, anonymizer_script_path=script)
from pydicom.uid import UID_dictionary
m.storage_classes = [u for u, e in UID_dictionary.items() if 'Storage' in e[0]]
m.add_default_transfer_syntaxes() if hasattr(m, 'add_default_transfer_syntaxes') else None
m.private_dir().mkdir(parents=True, exist_ok=True)
c = AnonymizerController(m)
for p in sorted(q for q in source.rglob('*') if q.is_file()):
    e, d = c.anonymize_file(p)
    if e: print('failed', str(e)[:60])
c.stop()
"""
GDCM = """
import subprocess, sys, tempfile, pathlib
source, target = sys.argv[1:]
with tempfile.TemporaryDirectory() as folder:
    key, certificate = (str(pathlib.Path(folder, name)) for name in ('key.pem', 'certificate.pem'))
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=bench', '-keyout', key, '-out', certificate], capture_output=True)
    for n, p in enumerate(q for q in sorted(pathlib.Path(source).rglob('*')) if q.is_file()):
        subprocess.run(['gdcmanon', '-e', '-c', certificate, '-i', str(p), '-o', f'{target}/{n}.dcm'], capture_output=True)
"""
ORTHANC = """
import json, pathlib, subprocess, sys, tempfile, time, urllib.request
source, target = map(pathlib.Path, sys.argv[1:])
PORT = 18642
def ask(path, body=None, form=None):
    request = urllib.request.Request(f'http://127.0.0.1:{PORT}{path}', data=body)
    with urllib.request.urlopen(request, timeout=300) as answer:
        return answer.read()
with tempfile.TemporaryDirectory() as folder:
    settings = pathlib.Path(folder, 'orthanc.json')
    settings.write_text(json.dumps({'StorageDirectory': folder + '/store', 'IndexDirectory': folder + '/store', 'HttpPort': PORT, 'RemoteAccessAllowed': False, 'AuthenticationEnabled': False, 'DicomServerEnabled': False, 'Plugins': [], 'ConcurrentJobs': 1}))
    server = subprocess.Popen(['Orthanc', str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                ask('/system'); break
            except OSError:
                time.sleep(0.1)
        for path in sorted(q for q in source.rglob('*') if q.is_file()):
            try:
                ask('/instances', path.read_bytes())
            except OSError:
                print('failed')
        for study in json.loads(ask('/studies')):
            try:
                fresh = json.loads(ask(f'/studies/{study}/anonymize', b'{}'))['ID']
                for one in json.loads(ask(f'/studies/{fresh}/instances')):
                    (target / (one['ID'] + '.dcm')).write_bytes(ask('/instances/' + one['ID'] + '/file'))
            except OSError:
                print('failed')
    finally:
        server.terminate(); server.wait()
"""
PEERS = {
    "dcmanon (Rust)": ("dcmanon", DCMANON),
    "dicom-anonymizer": ("dicom-anonymizer", ANONYMIZER),
    "dicognito": ("dicognito", DICOGNITO),
    "deid": ("deid", DEID),
    "RSNA Anonymizer": ("rsna-anonymizer", RSNA),
    "gdcmanon": ("", GDCM),
    "Orthanc": ("", ORTHANC),
}
# Programs of the system's own packages (Debian: libgdcm-tools, orthanc), asked for by their name.
SYSTEM = {"gdcmanon": "gdcmanon", "Orthanc": "Orthanc"}


@dataclass(frozen=True, slots=True)
class Run:
    """CPU of one run, with its children; None where the tool is not there."""

    cpu_s: float
    wall_s: float
    said: str


def environment(package: str) -> Path | None:
    """Return the Python of a peer's environment, made when it is not there; None without a registry."""
    folder = HOME / package
    python = folder / "bin" / "python"
    if not python.exists():
        made = subprocess.run(["uv", "venv", "-q", "--python", "3.11", str(folder)], check=False)
        installed = subprocess.run(["uv", "pip", "install", "-q", "--python", str(python), package], check=False)
        if made.returncode or installed.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            return None
    return python


def _timed(command: list[str], limit_s: float) -> Run:
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)
        said = (done.stdout + done.stderr)[-2000:]
    except subprocess.TimeoutExpired:
        said = "timed out"
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(cpu, time.monotonic() - start, said)


def run_peer(name: str, source: Path, target: Path, limit_s: float = 900) -> Run | None:
    """Run one peer over a folder; None where it cannot be installed."""
    package, script = PEERS[name]
    program = SYSTEM.get(name)
    if program is None:
        python = environment(package)
    else:
        python = Path(sys.executable) if shutil.which(program) or shutil.which(program, path="/usr/sbin") else None
    if python is None:
        return None
    target.mkdir(parents=True, exist_ok=True)
    return _timed([str(python), "-c", script, str(source), str(target)], limit_s)


def run_copy(source: Path, target: Path) -> Run:
    """Copy the folder: what no tool can beat, and what hides nothing."""
    return _timed(["cp", "-r", str(source), str(target)], 100)


def run_ours(source: Path, target: Path, *options: str, limit_s: float = 900) -> Run:
    """Run `radcommons deid` over a folder."""
    tool = Path(sys.executable).parent / "radcommons"
    if not tool.exists():
        tool = Path(os.environ.get("VIRTUAL_ENV", ".venv")) / "bin" / "radcommons"
    return _timed([str(tool), "deid", str(source), "--out", str(target), "--jobs", "1", *options], limit_s)
