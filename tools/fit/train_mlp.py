#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
tools/fit/train_mlp.py - trains the network of io/latency.h.   train_mlp.py ROWS OUT

ROWS is what build/tool/fit_rows prints; OUT gets the networks, the margin and the training record
(JSON), from which export_table.py makes io/latency_table.c.

Paper 000, section V: ReLU, mean square error, five folds, the mean of the five networks. The
networks answer log2 of the tail in ns: an error of so much percent weighs the same for tails of
1 ms and of 1 s. Each network is trained without its fold, and what it says of that fold is what the
margin is made from: rows that no weight has seen.

Each network has one thread and its own seed: the same rows give the same networks, however many
are trained at the same time.
"""
import argparse
import concurrent.futures
import hashlib
import os
import sys
import warnings

# Before numpy: how a sum is split among threads decides its last bits.
os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import numpy
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from fit_data import FOLDS, nearest_rank, read_rows, write_json

SEED = 6
HIDDEN = (15, 15, 15)
# Epochs and step of Adam: a long stretch, then two shorter ones that settle.
STAGES = ((40, 3e-3), (12, 6e-4), (8, 1e-4))
SIZE_STAGES = ((20, 3e-3), (6, 6e-4), (4, 1e-4))
SIZE_LAYERS = (1, 2, 3, 4, 5)
SIZE_NEURONS = (1, 2, 3, 5, 7, 10, 15, 20, 30)
SIZE_ROWS = 20000
BATCH = 256
L2 = 1e-6
# Of the rows of all folds, so many percent may be above their prediction with margin: somewhat less
# than the 1 % that is promised of others.
ABOVE_PERCENT = 0.9
# .. of those without slice_idle, where a smaller part costs little.
ABOVE_NO_IDLE_PERCENT = 0.2


class Scale:
    """Features to mean 0 and deviation 1; one that never changes to 0. The target likewise."""

    def __init__(self, x, y):
        self.mean = x.mean(axis=0)
        deviation = x.std(axis=0)
        self.inverse = numpy.divide(1.0, deviation, out=numpy.zeros_like(deviation),
                                    where=deviation > 0)
        self.y_mean, self.y_deviation = y.mean(), y.std()

    def x(self, x):
        return (x - self.mean) * self.inverse

    def y(self, y):
        return (y - self.y_mean) / self.y_deviation

    def of_target(self, y):
        return y * self.y_deviation + self.y_mean

    def layers(self, net):
        """The network's weights, with both scalings in its first and last layer."""
        weights = [w.copy() for w in net.coefs_]
        biases = [b.copy() for b in net.intercepts_]
        biases[0] -= (self.mean * self.inverse) @ weights[0]
        weights[0] *= self.inverse[:, None]
        weights[-1] *= self.y_deviation
        biases[-1] = biases[-1] * self.y_deviation + self.y_mean
        return [{"weights": w.T.tolist(), "biases": b.tolist()}
                for w, b in zip(weights, biases)]


def train(x, y, hidden, seed, stages):
    net = MLPRegressor(hidden_layer_sizes=hidden, activation="relu", solver="adam", alpha=L2,
                       batch_size=min(BATCH, len(x)), random_state=seed, warm_start=True,
                       tol=0.0, n_iter_no_change=10 ** 6)
    for epochs, step in stages:
        # A second fit() goes on with the weights, and starts Adam anew.
        net.set_params(max_iter=epochs, learning_rate_init=step)
        net.fit(x, y)
    return net


def mean_square(errors):
    return float(numpy.mean(errors ** 2))


def in_parallel(function, jobs):
    """Results in the order of `jobs`, as they come."""
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(function, *zip(*jobs))


def train_fold(rows, k):
    warnings.simplefilter("ignore", ConvergenceWarning)
    x, y, outside = rows.x(), rows.y(), rows.folds() == k
    scale = Scale(x, y)
    sx = scale.x(x)
    net = train(sx[~outside], scale.y(y)[~outside], HIDDEN, SEED + k, STAGES)
    errors = y - scale.of_target(net.predict(sx))
    loss = {"fold": k, "rows": int((~outside).sum()), "trained": mean_square(errors[~outside]),
            "validated": mean_square(errors[outside])}
    return scale.layers(net), loss, errors[outside]


def margin_of(residuals, percent_above):
    if len(residuals) == 0:
        return 0.0
    return max(0.0, float(nearest_rank(numpy.sort(residuals), 100 - percent_above)))


def margins_of(residuals, no_idle):
    return {"margin_log2": margin_of(residuals[~no_idle], ABOVE_PERCENT),
            "margin_no_idle_log2": margin_of(residuals[no_idle], ABOVE_NO_IDLE_PERCENT)}


def train_folds(rows, say):
    networks, losses, residuals = [], [], numpy.zeros(len(rows))
    for layers, loss, errors in in_parallel(train_fold, [(rows, k) for k in range(FOLDS)]):
        networks.append(layers)
        losses.append(loss)
        residuals[rows.folds() == loss["fold"]] = errors
        say("fold %d of %d: loss %.4f, on rows it did not see %.4f (log2 ns)^2"
            % (loss["fold"] + 1, FOLDS, loss["trained"], loss["validated"]))
    return {"networks": networks, "losses": losses,
            **margins_of(residuals, rows.feature("slice_idle") == 0)}


def train_size(rows, layers, neurons):
    warnings.simplefilter("ignore", ConvergenceWarning)
    x, y, outside = rows.x(), rows.y(), rows.folds() == 0
    scale = Scale(x, y)
    sx = scale.x(x)
    net = train(sx[~outside], scale.y(y)[~outside], (neurons,) * layers, SEED, SIZE_STAGES)
    errors = y - scale.of_target(net.predict(sx))
    return {"layers": layers, "neurons": neurons, "validated": mean_square(errors[outside])}


def train_sizes(rows, say):
    """Fig. 3: what a network of so many layers and neurons makes of rows that it did not see."""
    rows = rows.take(numpy.arange(min(SIZE_ROWS, len(rows))))
    sizes = []
    for s in in_parallel(train_size, [(rows, n, m) for n in SIZE_LAYERS for m in SIZE_NEURONS]):
        sizes.append(s)
        if s["neurons"] == SIZE_NEURONS[-1]:
            say("%d hidden layers: loss %s" % (s["layers"], ", ".join(
                "%.3f (%d)" % (t["validated"], t["neurons"])
                for t in sizes[-len(SIZE_NEURONS):])))
    return sizes


def say(text):
    print("  train   " + text, flush=True)


def main(arguments):
    p = argparse.ArgumentParser()
    p.add_argument("rows")
    p.add_argument("out")
    p.add_argument("--data-set", help="what the rows are of, for the record")
    p.add_argument("--sizes", action="store_true", help="loss against size (Fig. 3) instead")
    a = p.parse_args(arguments)
    fit = read_rows(a.rows).of_set(0)
    if a.sizes:
        write_json(a.out, train_sizes(fit, say))
        return 0
    say("%d rows of %d conditions" % (len(fit), fit.condition_count()))
    record = train_folds(fit, say)
    record.update({
        "seed": SEED, "hidden": HIDDEN, "stages": STAGES, "batch": BATCH, "l2": L2,
        "rows": len(fit), "conditions": fit.condition_count(),
        "log2_min": float(fit.y().min()), "log2_max": float(fit.y().max()),
        "data_sha256": hashlib.sha256(open(a.data_set or a.rows, "rb").read()).hexdigest(),
        "versions": {"scikit-learn": sklearn.__version__, "numpy": numpy.__version__},
    })
    write_json(a.out, record)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
