# SPDX-License-Identifier: BSD-2-Clause
"""Runs nzbget in its stand-alone mode: download one NZB, then exit."""

import os
import subprocess

LIMIT_S = 120


def options(directory, servers):
    """servers: one dictionary of Server1.… keys for each server."""
    folders = {name: os.path.join(directory, name.lower()) for name in
               ("DestDir", "InterDir", "NzbDir", "QueueDir", "TempDir",
                "ScriptDir")}
    given = {"MainDir": directory, **folders, "WebDir": "",
             "LogFile": os.path.join(directory, "nzbget.log"),
             "OutputMode": "log", "ParCheck": "manual", "ParRename": "no",
             "RarRename": "no", "Unpack": "no", "DiskSpace": "0",
             "CrcCheck": "yes", "ArticleRetries": "1", "UrlRetries": "1",
             "ArticleTimeout": "30", "AppendCategoryDir": "no",
             "HealthCheck": "none", "DupeCheck": "no"}
    for number, server in enumerate(servers, 1):
        for key, value in server.items():
            given["Server%d.%s" % (number, key)] = value
    return ["-o%s=%s" % pair for pair in given.items()]


def server(port, connections, user="", password=""):
    return {"Active": "yes", "Level": "0", "Host": "127.0.0.1",
            "Port": str(port), "Connections": str(connections),
            "JoinGroup": "no", "Encryption": "no",
            "Username": user, "Password": password}


def download(directory, nzb_path, servers):
    """Gives (path of each downloaded file by name, the log)."""
    os.makedirs(directory)
    done = subprocess.run(
        ["nzbget", "-n", *options(directory, servers), nzb_path],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=LIMIT_S, check=False)
    log = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, log
    files = {}
    for folder, _, names in os.walk(os.path.join(directory, "destdir")):
        for name in names:
            files[name] = os.path.join(folder, name)
    return files, log
