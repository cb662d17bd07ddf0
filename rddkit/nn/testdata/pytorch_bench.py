"""Images per second of the report's network in PyTorch: what BenchmarkTrainBatch and
BenchmarkEvaluateBatch are compared with.

    python pytorch_bench.py [batches]

CIFAR-10 shape, batches of 128, as many threads as cores. "default" is a script as one writes it
first, "tuned" has channels-last memory and the fused optimiser. Prints medians over the batches.
"""
import os
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

BATCH = 128


class FeedbackConvolution(torch.autograd.Function):
    """A convolution whose error goes back through b instead of w."""

    @staticmethod
    def forward(ctx, x, w, b):
        ctx.save_for_backward(x, b)
        return F.conv2d(x, w)

    @staticmethod
    def backward(ctx, g):
        x, b = ctx.saved_tensors
        below, weight, _ = torch.ops.aten.convolution_backward(
            g, x, b, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1, [ctx.needs_input_grad[0], True, False])
        return below, weight, None


class FeedbackLinear(torch.autograd.Function):
    """An affine map whose error goes back through b instead of w."""

    @staticmethod
    def forward(ctx, x, w, bias, b):
        ctx.save_for_backward(x, b)
        return F.linear(x, w, bias)

    @staticmethod
    def backward(ctx, g):
        x, b = ctx.saved_tensors
        return g @ b, g.t() @ x, g.sum(0), None


class Convolution(nn.Conv2d):
    def __init__(self, *sizes, feedback):
        super().__init__(*sizes, bias=False)
        self.feedback = torch.randn_like(self.weight.data) * 0.05 if feedback else None

    def forward(self, x):
        if self.feedback is None:
            return super().forward(x)
        return FeedbackConvolution.apply(x, self.weight, self.feedback)


class Linear(nn.Linear):
    def __init__(self, *sizes, feedback):
        super().__init__(*sizes)
        self.feedback = torch.randn_like(self.weight.data) * 0.05 if feedback else None

    def forward(self, x):
        if self.feedback is None:
            return super().forward(x)
        return FeedbackLinear.apply(x, self.weight, self.bias, self.feedback)


def network(feedback):
    return nn.Sequential(
        Convolution(3, 64, 5, feedback=feedback), nn.ReLU(), nn.BatchNorm2d(64), nn.MaxPool2d(2),
        Convolution(64, 64, 5, feedback=feedback), nn.ReLU(), nn.BatchNorm2d(64), nn.MaxPool2d(2),
        nn.Flatten(),
        Linear(1600, 384, feedback=feedback), nn.ReLU(), nn.BatchNorm1d(384),
        Linear(384, 192, feedback=feedback), nn.ReLU(), nn.BatchNorm1d(192),
        Linear(192, 10, feedback=feedback), nn.Softmax(1))


def images_per_second(do, batches):
    for _ in range(3):
        do()
    seconds = []
    for _ in range(batches):
        start = time.perf_counter()
        do()
        seconds.append(time.perf_counter() - start)
    return BATCH / statistics.median(seconds)


def measure(feedback, tuned, batches):
    model = network(feedback)
    x, y = torch.rand(BATCH, 3, 32, 32) * 2 - 1, torch.randint(0, 10, (BATCH,))
    if tuned:
        model, x = model.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
        for layer in model:
            if isinstance(layer, Convolution) and feedback:
                layer.feedback = layer.feedback.contiguous(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, fused=tuned)

    def step():
        optimiser.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimiser.step()
        return loss.item()

    train = images_per_second(step, batches)
    model.eval()
    with torch.no_grad():
        return train, images_per_second(lambda: model(x), batches)


if __name__ == "__main__":
    batches = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    torch.set_num_threads(os.cpu_count())
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads")
    for feedback in (True, False):
        for tuned in (False, True):
            train, evaluation = measure(feedback, tuned, batches)
            print(f"{'FA' if feedback else 'BP'} {'tuned  ' if tuned else 'default'}"
                  f" training {train:6.0f} images/s, evaluation {evaluation:6.0f}")
