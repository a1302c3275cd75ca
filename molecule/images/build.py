"""Build the images that the scenarios and integration tests run their servers in.

    python3 molecule/images/build.py                         every image
    python3 molecule/images/build.py mariadb-11.8 mysql-9.7  these two, side by side
    python3 molecule/images/build.py --rebuild mysql-9.7     even when nothing has changed

The folder mariadb-11.8 becomes the image dbrw-sharding/mariadb:11.8. An image whose folder and
whose build script have not changed is left as it is. An image that stands on another one of these
is built after it, and again when that one's folder has changed.

The other base images are Docker Hub's. Where no registry can be reached they are made with debootstrap
from the package mirror that this machine's own apt uses, and given the same name.
"""

import argparse
import concurrent.futures
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENGINE = HERE.parent / "docker-engine"
HASH_LABEL = "dbrw-sharding.content"
BASE_LABEL = "dbrw-sharding.base"
# A firewall that drops packets would otherwise keep the engine trying for minutes.
REGISTRY_SECONDS = 8
STEP_SECONDS = 1800
STARTED = time.monotonic()


class Failure(Exception):
    """Something that the user has to know, in words that say what to do."""


def say(what, message):
    """Print a line with the seconds since the start."""
    print(f"[{time.monotonic() - STARTED:5.1f}s] {what}: {message}", flush=True)


def tail(log, lines=25):
    """Return the end of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def answer(*command, timeout=None):
    """Standard output of a command; None when it fails, takes too long or is not there."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def label_of(image, label):
    """The label's value, empty where the image lacks it; None where there is no such image."""
    return answer(
        "docker", "image", "inspect", "--format", f'{{{{index .Config.Labels "{label}"}}}}', image
    )


def run(command, log, advice):
    """Run a command into a log; raise ``Failure`` with the log's end and the advice."""
    with log.open("a") as out:
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                timeout=STEP_SECONDS,
                check=False,
                env={
                    **os.environ,
                    "BUILDKIT_PROGRESS": "plain",
                    "DEBIAN_FRONTEND": "noninteractive",
                },
            )
        except subprocess.TimeoutExpired as error:
            raise Failure(
                f"no end after {STEP_SECONDS} s: {command[0]}\n{tail(log)}\n{advice}"
            ) from error
    if done.returncode != 0:
        raise Failure(f"{command[0]} failed (exit {done.returncode})\n{tail(log)}\n{advice}")


def as_root(*command):
    """Return the command as root runs it."""
    if os.geteuid() == 0:
        return list(command)
    if answer("sudo", "-n", "true") is None:
        raise Failure(
            "making a base image needs root, and no registry could be reached to pull one. "
            "Run this as root, or allow this user sudo without a password."
        )
    return ["sudo", "-n", *command]


class Bases:
    """Base images, each made once although several images stand on it."""

    def __init__(self, rebuild, logs):
        self.rebuild = rebuild
        self.logs = logs
        self.tools = threading.Lock()
        self.guard = threading.Lock()
        self.locks = {}
        self.ready = set()

    def have(self, name):
        """Make sure that a base image is there; other threads wait for it."""
        with self.guard:
            lock = self.locks.setdefault(name, threading.Lock())
        with lock:
            if name in self.ready:
                return
            label = label_of(name, BASE_LABEL)
            # A base that somebody else put here is not ours to replace.
            wanted = label is None or (self.rebuild and label == "debootstrap")
            if wanted and not self.pulled(name):
                self.bootstrap(name)
            self.ready.add(name)

    def pulled(self, name):
        """Pull a base image; tell whether a registry gave it."""
        log = self.logs / f"{name.replace(':', '-')}.pull.log"
        say(name, "pulling")
        with log.open("w") as out:
            pull = subprocess.Popen(
                ["docker", "pull", name],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        begun = time.monotonic()
        while pull.poll() is None:
            # Once the registry has answered, what is left is only download time.
            patience = STEP_SECONDS if "Pulling from" in log.read_text() else REGISTRY_SECONDS
            if time.monotonic() - begun > patience:
                pull.kill()
            time.sleep(0.1)
        if pull.returncode == 0:
            say(name, "pulled")
            return True
        last = tail(log, 1) or f"no answer within {REGISTRY_SECONDS} s"
        say(name, f"no registry gave it ({last})")
        return False

    def bootstrap(self, name):
        """Make Debian's base image from packages."""
        distribution, _colon, suite = name.partition(":")
        if distribution != "debian":
            raise Failure(
                f"{name} cannot be pulled, and only debian:SUITE can be made here. Pull or load it "
                "first."
            )
        with self.tools:
            self.install_tools()
        log = self.logs / f"{name.replace(':', '-')}.bootstrap.log"
        advice = (
            "If the mirror has no such suite, add a Debian mirror that has it to this machine's "
            "apt sources."
        )
        scratch = tempfile.mkdtemp(prefix="dbrw-sharding-")
        root = f"{scratch}/root"
        try:
            say(name, "making it with debootstrap")
            run(
                as_root("mkdir", "-p", f"{root}/etc/dpkg/dpkg.cfg.d", f"{root}/etc/apt/apt.conf.d"),
                log,
                advice,
            )
            # An image that can be built again needs no fsync for every file.
            self.put(f"{root}/etc/dpkg/dpkg.cfg.d/unsafe-io", "force-unsafe-io\n")
            mirror = self.mirror(suite, log)
            try:
                run(as_root("debootstrap", "--variant=minbase", suite, root, *mirror), log, advice)
            except Failure as failure:
                # The cause stands in a log of its own, which goes away with the folder.
                cause = answer(*as_root("tail", "-n", "25", f"{root}/debootstrap/debootstrap.log"))
                raise Failure(f"{failure}\n{cause or ''}".rstrip()) from failure
            self.carry_apt_settings(root, log)
            run(
                as_root("rm", "-rf", *(f"{root}/var/{p}" for p in ("cache/apt", "lib/apt/lists"))),
                log,
                advice,
            )
            self.load(name, root, log)
        finally:
            subprocess.run(as_root("rm", "-rf", "--one-file-system", scratch), check=False)
        say(name, "made")

    @staticmethod
    def install_tools():
        """Make sure that debootstrap and Debian's keys are on this machine."""
        path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
        os.environ["PATH"] = path
        keyring = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
        if shutil.which("debootstrap") and keyring.exists():
            return
        packages = ["debootstrap", "debian-archive-keyring"]
        if not shutil.which("apt-get"):
            raise Failure(
                "no registry can be reached and debootstrap is missing. Install "
                f"{' and '.join(packages)}."
            )
        say("debootstrap", "installing it")
        install = as_root("apt-get", "-qy", "--no-install-recommends", "install", *packages)
        if answer(*install) is None:
            answer(*as_root("apt-get", "-qy", "update"))
            if answer(*install) is None:
                raise Failure(
                    "could not install it. Try: apt-get update && apt-get install "
                    f"{' '.join(packages)}"
                )

    @staticmethod
    def mirror(suite, log):
        """Return the first of this machine's own mirrors that has the suite, or none."""
        uris = (answer("apt-get", "indextargets", "--format", "$(REPO_URI)") or "").split()
        for uri in dict.fromkeys(uris):
            with tempfile.TemporaryDirectory() as folder:
                # apt's own downloader knows this machine's proxies, certificates and credentials.
                found = answer(
                    "/usr/lib/apt/apt-helper",
                    "download-file",
                    f"{uri}dists/{suite}/Release",
                    f"{folder}/Release",
                    timeout=60,
                )
                if (
                    found is not None
                    and "\nOrigin: Debian\n" in "\n" + Path(folder, "Release").read_text()
                ):
                    return [uri]
        with log.open("a") as out:
            out.write(
                f"none of this machine's apt sources has {suite}; using debootstrap's own mirror\n"
            )
        return []

    @staticmethod
    def put(path, text):
        """Write a file as root."""
        subprocess.run(
            as_root("tee", path), input=text, text=True, stdout=subprocess.DEVNULL, check=True
        )

    def carry_apt_settings(self, root, log):
        """What apt needs to reach the mirror from here, it needs inside the image as well."""
        wanted = ("Acquire::http::", "Acquire::https::", "Acquire::ftp::", "Acquire::Retries")
        settings = (answer("apt-config", "dump", "--format", '%F "%v";%n') or "").splitlines()
        settings = [
            line for line in settings if line.startswith(wanted) and not line.endswith('"";')
        ]
        if settings:
            self.put(f"{root}/etc/apt/apt.conf.d/80this-machine", "\n".join(settings) + "\n")
        # Certificate files named there, the trusted ones, and those added by hand
        # (which the package ca-certificates would otherwise drop when it is installed later).
        files = {line.split('"')[1] for line in settings if '"/' in line}
        files |= {"/etc/ssl/certs/ca-certificates.crt"}
        files |= {str(path) for path in Path("/usr/local/share/ca-certificates").rglob("*.crt")}
        for path in sorted(files):
            # A private key does not belong in an image.
            if Path(path).is_file() and b"PRIVATE KEY" not in Path(path).read_bytes():
                run(
                    as_root("install", "-Dm644", path, root + path),
                    log,
                    "Check that the file can be read.",
                )

    @staticmethod
    def load(name, root, log):
        """Make an image of a folder."""
        # The engine makes every container's /dev itself, and not every machine may
        # unpack device nodes.
        tar = subprocess.Popen(
            as_root("tar", "-C", root, "--exclude=./dev/*", "-c", "."), stdout=subprocess.PIPE
        )
        with log.open("a") as out:
            load = subprocess.run(
                ["docker", "import", "--change", f"LABEL {BASE_LABEL}=debootstrap", "-", name],
                stdin=tar.stdout,
                stdout=out,
                stderr=subprocess.STDOUT,
                check=False,
            )
        tar.stdout.close()
        if tar.wait() != 0 or load.returncode != 0:
            raise Failure(
                f"docker import failed\n{tail(log)}\nIs there enough disk space? docker system df"
            )


def content_hash(folder):
    """Return what changes when an image's folder, its base's folder or this script does."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    below = base_folder(folder)
    if below:
        digest.update(content_hash(below).encode())
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(f"\0{path.relative_to(folder)}\0{path.stat().st_mode & 0o111}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def image_name(folder):
    """Return the name of the image that a folder becomes."""
    name, _dash, version = folder.name.rpartition("-")
    return f"dbrw-sharding/{name}:{version}"


def base_name(folder):
    """Return the image that a folder's image stands on."""
    for line in (folder / "Dockerfile").read_text().splitlines():
        if line.startswith("FROM "):
            return line.split()[1]
    raise Failure(f"{folder.name}/Dockerfile has no FROM line")


def base_folder(folder):
    """Return the folder that makes the image's base, or None where the base is not ours."""
    name = base_name(folder)
    return next((one for one in known_folders().values() if image_name(one) == name), None)


def known_folders():
    """Return the images' folders by their names."""
    return {path.parent.name: path.parent for path in sorted(HERE.glob("*/Dockerfile"))}


def build(folder, below, bases, logs, rebuild):
    """Build one image, unless it is up to date; ``below`` is the job that makes its base."""
    if below:
        try:
            below.result()
        except Failure as failure:
            raise Failure(f"there is no {base_name(folder)} for it to stand on") from failure
    image, wanted = image_name(folder), content_hash(folder)
    if label_of(image, HASH_LABEL) == wanted and not rebuild:
        say(image, "is up to date")
        return
    previous = answer("docker", "image", "inspect", "--format", "{{.Id}}", image)
    if not below:
        bases.have(base_name(folder))
    say(image, "building")
    log = logs / f"{folder.name}.log"
    proxies = [
        a
        for v in ("http_proxy", "https_proxy", "no_proxy")
        if v in os.environ
        for a in ("--build-arg", v)
    ]
    run(
        # The host's network: a mirror or a proxy on a loopback address, and name
        # servers that only the host reaches, work without further settings.
        [
            *("docker", "build", "--network", "host", "--tag", image),
            *("--label", f"{HASH_LABEL}={wanted}", *proxies),
            *(["--no-cache"] if rebuild else []),
            str(folder),
        ],
        log,
        f"If the package lists have moved on, try: {sys.argv[0]} --rebuild {folder.name}",
    )
    if previous and previous != answer("docker", "image", "inspect", "--format", "{{.Id}}", image):
        # Without its name it would only fill the disk; a container that still uses it keeps it.
        answer("docker", "image", "rm", previous)
    say(image, "built")


def main():
    """Run from the command line; return the exit code."""
    known = known_folders()
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "image", nargs="*", help=f"one of: {', '.join(known)}; none means all of them"
    )
    parser.add_argument(
        "--rebuild", action="store_true", help="build even what is up to date, base included"
    )
    arguments = parser.parse_args()
    unknown = [name for name in arguments.image if name not in known]
    if unknown:
        parser.error(f"there is no image {', '.join(unknown)}. There is: {', '.join(known)}")
    folders = [known[name] for name in dict.fromkeys(arguments.image or known)]

    if not shutil.which("docker") or answer("docker", "info") is None:
        print(f"No Docker engine answers. Start one first: {ENGINE} start", file=sys.stderr)
        return 1

    failed = 0
    with tempfile.TemporaryDirectory(prefix="dbrw-sharding-logs-") as logs:
        bases = Bases(arguments.rebuild, Path(logs))
        with concurrent.futures.ThreadPoolExecutor(max_workers=len(known)) as pool:
            jobs = {}

            def begin(folder):
                """Submit the image's job after its base's, each once; return it."""
                below = base_folder(folder)
                waits_for = begin(below) if below else None
                if folder not in jobs:
                    jobs[folder] = pool.submit(
                        build, folder, waits_for, bases, Path(logs), arguments.rebuild
                    )
                return jobs[folder]

            for folder in folders:
                begin(folder)
            folder_of = {job: folder for folder, job in jobs.items()}
            for job in concurrent.futures.as_completed(folder_of):
                try:
                    job.result()
                except Failure as failure:
                    failed += 1
                    say(image_name(folder_of[job]), f"FAILED: {failure}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
