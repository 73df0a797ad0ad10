# SPDX-License-Identifier: BSD-2-Clause
"""The table of clients and modes, as the tests that ran make it.

A test belongs to a row by @report.row(client, what). Its column is the
parameter of its fixture of SERVICES. A mode that makes no sense for it is given
with the reason: without={"per-command": "needs a group"}; no test runs there
and the reason becomes a note below the table. A cell is "ok" only if every
test that belongs to it has passed.
"""

import pytest

# The fixtures that are a news server for a client, with the mode as parameter.
SERVICES = {"service", "leaf_service", "nserv_service"}
COLUMNS = ["direct", "per-command", "hybrid", "stateful"]
# The reason that most of those have that are not for per-command mode.
NEEDS_GROUPS = {"per-command": "It reads groups, and per-command mode has "
                "none: GROUP is answered 500."}
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"


def row(client, what, without=None):
    return pytest.mark.row(client, what, without or {})


class Table:
    """Collects as a pytest plugin; readme: the file that has the table."""

    def __init__(self, readme, update):
        self.readme = readme
        self.update = update
        self.rows = {}          # (client, what) to column to set of outcomes
        self.reasons = {}       # (client, what) to column to reason
        self.is_whole = True
        self.said = ""

    def pytest_deselected(self, items):
        self.is_whole = self.is_whole and not items

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        for item in items:
            mark = item.get_closest_marker("row")
            if mark:
                client, what, without = mark.args
                item.user_properties.append(("cell", (client, what,
                                                      column_of(item))))
                self.reasons.setdefault((client, what), {}).update(without)
                self.rows.setdefault((client, what), {})

    def pytest_runtest_logreport(self, report):
        for name, (client, what, column) in report.user_properties:
            if name != "cell":
                continue
            if report.when == "call" or not report.passed:
                self.rows[client, what].setdefault(column, set()).add(
                    report.outcome)

    def pytest_sessionfinish(self, session, exitstatus):
        if not self.rows or session.config.option.collectonly:
            return
        table = self.render()
        self.said = table
        if not self.is_whole or exitstatus != pytest.ExitCode.OK:
            return
        with open(self.readme, encoding="utf-8") as file:
            text = file.read()
        before, _, rest = text.partition(BEGIN)
        old, _, after = rest.partition(END)
        if old == table:
            return
        if self.update:
            with open(self.readme, "w", encoding="utf-8") as file:
                file.write(before + BEGIN + table + END + after)
            return
        self.said += "\nREADME.md has another table; --update-readme\n"
        session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter):
        if self.said:
            terminalreporter.write_line("")
            terminalreporter.write(self.said)

    def render(self):
        notes = []
        lines = ["| client | does | %s |" % " | ".join(COLUMNS),
                 "|---|---|%s" % ("---|" * len(COLUMNS))]
        for client, what in sorted(self.rows, key=lambda pair: (
                pair[0].lower(), pair[1])):
            cells = [self.cell((client, what), column, notes)
                     for column in COLUMNS]
            lines.append("| %s | %s | %s |" % (client, what,
                                               " | ".join(cells)))
        lines.append("")
        lines += ["%d. %s" % pair for pair in enumerate(notes, 1)]
        return "\n".join(lines) + "\n"

    def cell(self, key, column, notes):
        outcomes = self.rows[key].get(column)
        if outcomes:
            return "ok" if outcomes == {"passed"} else "FAILED"
        reason = self.reasons[key].get(column)
        if not reason:
            return ""
        if reason not in notes:
            notes.append(reason)
        return "(%d)" % (notes.index(reason) + 1)


def column_of(item):
    params = item.callspec.params
    (name,) = SERVICES & set(params)
    return params[name]


def modes_for(definition):
    """Those in which a test runs: all but the ones with a reason."""
    mark = definition.get_closest_marker("row")
    without = mark.args[2] if mark else {}
    assert set(without) <= set(COLUMNS), definition
    return [mode for mode in COLUMNS if mode not in without]
