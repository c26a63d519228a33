#!/usr/bin/env python3
"""Makes an image archive for `ctr images import` from a root folder, the same bytes for the same folder.

Deliberately no Dockerfile: one layer, no registry, no daemon.
"""
import argparse
import hashlib
import io
import json
import os
import tarfile

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def layer_of(root: str) -> bytes:
    """One uncompressed layer; owner root, times zero, names sorted."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder, folders, files in os.walk(root):
            folders.sort()
            for name in sorted(files + folders):
                path = os.path.join(folder, name)
                entry = tar.gettarinfo(path, arcname=os.path.relpath(path, root))
                entry.uid = entry.gid = entry.mtime = 0
                entry.uname = entry.gname = "root"
                if entry.isreg():
                    with open(path, "rb") as content:
                        tar.addfile(entry, content)
                else:
                    tar.addfile(entry)
    return buffer.getvalue()


def config_of(arguments: argparse.Namespace, digest: str) -> bytes:
    """The image's configuration, which names its layer."""
    settings = {"Env": [PATH, *arguments.env], "Cmd": arguments.command}
    if arguments.user:
        settings["User"] = arguments.user
    if arguments.workdir:
        settings["WorkingDir"] = arguments.workdir
    if arguments.stop_signal:
        settings["StopSignal"] = arguments.stop_signal
    return json.dumps({
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine],
        "os": "linux",
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }, sort_keys=True).encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--root", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--user", default="")
    parser.add_argument("--stop-signal", default="")
    parser.add_argument("--workdir", default="")
    parser.add_argument("--env", action="append", default=[])
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()

    layer = layer_of(arguments.root)
    digest = hashlib.sha256(layer).hexdigest()
    config = config_of(arguments, digest)
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = [{"Config": config_name, "RepoTags": [arguments.name], "Layers": [f"{digest}/layer.tar"]}]
    members = {config_name: config, f"{digest}/layer.tar": layer, "manifest.json": json.dumps(manifest).encode()}
    with tarfile.open(arguments.out, "w") as archive:
        for path, data in members.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))


if __name__ == "__main__":
    main()
