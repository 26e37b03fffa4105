"""Evaluates a loss, its derivatives and its flow at points, slowly and plainly."""

import numpy as np

from dynbench import find
from dynbench.losses.base import Loss, Minimum

SMALL = 3  # dimension at which a loss of free dimension is tested


def make(name: str) -> Loss:
    loss = find.loss(name)
    return loss if loss.dim else loss.at(SMALL)


def evaluate(loss: Loss, x, **parameters):
    """(value, gradient) at a point of any dimension."""
    if loss.value_grad is None:
        return loss.value(x[0], **parameters), [loss.grad(x[0], **parameters)]
    g = [0.0] * len(x)
    return loss.value_grad(x, g, **parameters), g


def moved(x, d, by):
    return [c + by if k == d else c for k, c in enumerate(x)]


def derivative(function, x, d, h=1e-3):
    """Central difference of fourth order along coordinate d."""
    near = function(moved(x, d, h)) - function(moved(x, d, -h))
    far = function(moved(x, d, 2 * h)) - function(moved(x, d, -2 * h))
    return (8 * near - far) / (12 * h)


def hessian(loss: Loss, x):
    def gradient(y):
        return np.array(evaluate(loss, y)[1])

    return np.array([derivative(gradient, x, d) for d in range(len(x))])


def point(loss: Loss, minimum: Minimum):
    """A minimum's place in the dimension of the loss."""
    return list(minimum.x) * loss.dim if loss.separable else list(minimum.x)
