"""What components say to wrong arguments, and that none of them takes positional ones."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest
from amaranth.hdl import unsigned
from amaranth.lib import wiring

from bitmill import ExactAccumulator, FloatAccumulator, MacConfig, formats, hdl
from bitmill.formats import Product
from bitmill.hdl.accumulators.float_accumulator import FloatAccumulator as FloatUnit
from bitmill.hdl.mac.decoder import TableDecoder
from bitmill.hdl.mac.lane import Lane
from bitmill.hdl.mac.step_guard import StepGuard
from bitmill.hdl.products.multiplier import Multiplier
from bitmill.hdl.sums.adder_tree import AdderTree
from bitmill.hdl.sums.aligner import Aligner

PRODUCT = Product(formats.get("E4M3"), formats.get("INT8"))
EXACT = MacConfig(weight="E4M3", activation="INT8", accumulator=ExactAccumulator())

WRONG = {
    "tree of one lane": (AdderTree, {"product": PRODUCT, "lanes": 1}, ValueError, "AdderTree lanes must be at least 2, not 1"),
    "tree of a format": (AdderTree, {"product": PRODUCT.a, "lanes": 2}, TypeError, "AdderTree product must be a Product, not "),
    "aligner of a name": (Aligner, {"product": "E4M3"}, TypeError, "Aligner product must be a Product, not 'E4M3'"),
    "multiplier of nothing": (Multiplier, {"product": None}, TypeError, "Multiplier product must be a Product, not None"),
    "table of a name": (TableDecoder, {"fmt": "E4M3"}, TypeError, "TableDecoder format must be a Format, not 'E4M3'"),
    "table too wide": (
        TableDecoder, {"fmt": formats.get("FP32")}, ValueError, "TableDecoder format must have at most 16 bits, not 32"
    ),
    "lane of nothing": (Lane, {"config": None, "shift": True}, TypeError, "Lane config must be a MacConfig, not None"),
    "guard of no step": (StepGuard, {"max_steps": 0}, ValueError, "StepGuard max_steps must be at least 1, not 0"),
    "float unit for exact": (
        FloatUnit, {"config": EXACT}, TypeError, "FloatAccumulator config must have a float accumulator, not ExactAccumulator("
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_init_wrong_arguments(case):
    component, arguments, error, message = WRONG[case]
    with pytest.raises(error) as caught:
        component(**arguments)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("component", "arguments"),
    [
        (AdderTree, {"product": PRODUCT, "lanes": 2}),
        (Aligner, {"product": PRODUCT}),
        (TableDecoder, {"fmt": formats.get("FP16")}),
        (Lane, {"config": EXACT, "shift": False}),
        (StepGuard, {"max_steps": 1}),
        (FloatUnit, {"config": EXACT.model_copy(update={"accumulator": FloatAccumulator()})}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_init_least_arguments_that_are_right(component, arguments):
    assert component(**arguments).signature.members


def _components() -> list[type[wiring.Component]]:
    modules = [
        importlib.import_module(module.name) for module in pkgutil.walk_packages(hdl.__path__, f"{hdl.__name__}.")
    ]
    return [
        value
        for module in modules
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, wiring.Component) and value.__module__ == module.__name__
        # A base that only says what every unit has leaves its constructor to the units.
        if value.__init__ is not wiring.Component.__init__
    ]


@pytest.mark.parametrize("component", _components(), ids=lambda component: component.__name__)
def test_arguments_are_keyword_only(component):
    # Of the constructor itself: what `signature` says of a class that inherits it differs between releases of Python 3.11.
    _, *parameters = inspect.signature(component.__init__).parameters.values()
    assert {parameter.kind for parameter in parameters} <= {inspect.Parameter.KEYWORD_ONLY}
    with pytest.raises(TypeError, match="positional"):
        component(unsigned(1))
