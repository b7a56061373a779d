# SPDX-License-Identifier: Apache-2.0
"""
tools/fit/fit_data.py - what the scripts here share: the rows of the data set, folds, statistics.

A row is one task of one condition, as build/tool/fit_rows prints it: see tools/fit/fit_rows.c.
Folds are made of conditions: tasks of one condition saw the same run, and must not be on both
sides of a validation.
"""
import json
import os

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RESULTS = os.path.join(TOP, "build/results")
FOLDS = 5
SETS = ("fit", "held-out", "out-of-grid")
# Errors are told at these percentiles.
PERCENTS = (1, 5, 10, 25, 50, 75, 90, 95, 99)


def nearest_rank(ordered, percent):
    """Of sorted values: the smallest with `percent` of them not above it."""
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(int(rank) - 1, 0)]


def write_json(path, value):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w") as f:
        json.dump(value, f, indent=1)
        f.write("\n")
    os.replace(path + ".new", path)


def read_json(path):
    with open(path) as f:
        return json.load(f)


class Rows:
    """Columns as arrays: which set and condition, what the network reads, what the run showed."""

    def __init__(self, names, table):
        self.names, self.table = names, table

    def __len__(self):
        return len(self.table)

    def take(self, which):
        return Rows(self.names, self.table[which])

    def of_set(self, number):
        return self.take(self.table[:, 0] == number)

    def conditions(self):
        return self.table[:, 1]

    def condition_count(self):
        return len(set(self.conditions().tolist()))

    def folds(self):
        return self.conditions() % FOLDS

    def x(self):
        return self.table[:, 5:] / 65536.0

    def feature(self, name):
        return self.table[:, self.names.index(name)]

    def y(self):
        import numpy
        return numpy.log2(self.table[:, 4])


def read_rows(path):
    """First line: names of the columns. Then integers: set, condition, guest, task, ns, features."""
    import numpy
    with open(path) as f:
        names = f.readline().strip().split(",")
        table = numpy.loadtxt(f, delimiter=",", dtype=numpy.int64, ndmin=2)
    if names[:5] != ["set", "condition", "guest", "task", "tail_ns"]:
        raise SystemExit("%s: not what build/tool/fit_rows prints" % path)
    return Rows(names, table)
