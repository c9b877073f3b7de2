"""Prints the weights after every step of torch.optim.SGD, for the cases of sgd_torch_test.cpp."""

import torch

WEIGHTS, STEPS = 13, 25
CASES = [
    (0.125, 0, 0, False),
    (0.125, 0.9, 0, False),
    (0.0625, 0, 0.01, False),
    (0.0625, 0.9, 0.01, False),
    (0.0625, 0.9, 0.01, True),
    (0.0625, 0.5, 0, True),
]


def values(step):
    return torch.tensor([((i * 37 + step * 101) % 64 - 31) / 16 for i in range(WEIGHTS)])


for lr, momentum, weight_decay, nesterov in CASES:
    weights = values(0).requires_grad_()
    optimizer = torch.optim.SGD(
        [weights], lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov
    )
    for step in range(1, STEPS + 1):
        weights.grad = values(step)
        optimizer.step()
        print(*(f"{weight:.9g}" for weight in weights.tolist()))
