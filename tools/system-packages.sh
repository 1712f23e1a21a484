#!/bin/sh
# The real parts that tests drive and that no Python package carries.
set -eu
need=""
command -v chromium-headless-shell >/dev/null 2>&1 || command -v chromium >/dev/null 2>&1 || need="$need chromium"
command -v storescu >/dev/null 2>&1 || need="$need dcmtk"
command -v Orthanc >/dev/null 2>&1 || need="$need orthanc orthanc-dicomweb"
command -v faketime >/dev/null 2>&1 || need="$need faketime"
# Node, inside the browser driver's wheel, needs it.
ls /usr/lib/*/libatomic.so.1 /lib/*/libatomic.so.1 >/dev/null 2>&1 || ldconfig -p 2>/dev/null | grep -q libatomic.so.1 || need="$need libatomic1"
[ -z "$need" ] && exit 0
if [ "$(id -u)" != 0 ]; then
    echo "Missing for the tests with a browser, DICOM peers and a clock that jumps:$need. Install them: sudo apt-get install$need" >&2
    exit 1
fi
apt-get update -qq
# The browser without windows does the same in half the time, where the system has it.
if apt-cache show chromium-headless-shell >/dev/null 2>&1; then
    need=$(echo "$need" | sed 's/chromium/chromium-headless-shell/')
fi
# Orthanc is started by the tests alone: without a run level no service is started at installation.
RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $need >/dev/null
