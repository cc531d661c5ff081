"""The sample, and real files, on Prism with workers of their own: the portable protocols of Beam.

The workers' Python knows the installed wheel and its dependencies and nothing of the source
tree, so what only the submitting process could import would be missed here. Beam's servers
listen on every interface: all of it runs in a network namespace with nothing but loopback.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig

import pytest

from tests.trees import differences

# Where many share the machine, Prism takes its time.
pytestmark = pytest.mark.timeout(2400)

ROOT = pathlib.Path(__file__).parents[2]
BIN = pathlib.Path(sys.executable).parent
SCRIPT = """
set -euo pipefail
ip link set lo up
{bin}/prism -job_port 50320 -serve_http=false >prism.log 2>&1 &
PATH={worker}/bin:$PATH {worker}/bin/python -m apache_beam.runners.worker.worker_pool_main \\
    --service_port=50321 >pool.log 2>&1 &
trap 'kill %1 %2' EXIT
for port in 50320 50321; do
    for _ in $(seq 200); do (: </dev/tcp/localhost/$port) 2>/dev/null && break; sleep 0.1; done
done
{worker}/bin/python -m pasture.cli run {raw}/recipe.yaml --output {output} --json -- \\
    --runner=PortableRunner --job_endpoint=localhost:50320 \\
    --environment_type=EXTERNAL --environment_config=localhost:50321
"""


@pytest.fixture(scope="module")
def worker(tmp_path_factory) -> pathlib.Path:
    """A Python environment with the wheel, and with the packages of this one."""
    tmp_path = tmp_path_factory.mktemp("worker")
    source = tmp_path / "source"
    source.mkdir()
    shutil.copytree(ROOT / "pasture", source / "pasture")
    for name in ("setup.cfg", "setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    wheel = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, source]
    subprocess.run(wheel, check=True)
    environment = tmp_path / "worker"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    packages = environment / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    packages /= "site-packages"
    # A path in a .pth file brings the packages there, but not that folder's own .pth files,
    # one of which leads to the source tree.
    (packages / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"])
    (built,) = tmp_path.glob("pasture-*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", packages, built], check=True)
    return environment


@pytest.mark.skipif(not (BIN / "prism").exists(), reason="scripts/prism has not been run")
@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root and unshare"
)
def test_prism_gives_the_same_bytes(corpus, worker, tmp_path):
    output = tmp_path / "output"
    script = SCRIPT.format(bin=BIN, worker=worker, raw=corpus.raw, output=output)
    ran = subprocess.run(
        ["unshare", "-n", "bash", "-c", script],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:] + (tmp_path / "prism.log").read_text()[-2000:]
    assert differences(corpus.output, output) == []
