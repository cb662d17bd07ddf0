"""How papermill writes parameters in Go, for the GoNB kernel.

A notebook's cell tagged "parameters" declares them with their defaults:

    var epochs = 5
    var methods = []string{"fa", "rdd"}

papermill puts a cell after it that declares those that were given again, and of two declarations
GoNB keeps the later one. A parameter has the type of its value: 2 is an int, 2.0 a float64.
"""

import json
import math

from papermill.engines import NBClientEngine  # noqa: F401, which pyproject.toml names
from papermill.translators import Translator, papermill_translators


class GoTranslator(Translator):
    @classmethod
    def translate_none(cls, val):
        raise ValueError("a Go variable cannot be null: leave the parameter out, or give a value")

    @classmethod
    def translate_bool(cls, val):
        return "true" if val else "false"

    @classmethod
    def translate_int(cls, val):
        if not -(2**63) <= val < 2**63:
            raise ValueError(f"{val} is no int of 64 bits")
        return str(val)

    @classmethod
    def translate_float(cls, val):
        if math.isnan(val):
            return "math.NaN()"
        if math.isinf(val):
            return f"math.Inf({1 if val > 0 else -1})"
        return repr(float(val))

    @classmethod
    def translate_str(cls, val):
        return json.dumps(str(val), ensure_ascii=False)

    @classmethod
    def translate_escaped_str(cls, str_val):
        return cls.translate_str(str_val)

    @classmethod
    def translate_list(cls, val):
        return f"{cls.type_of(val)}{{{', '.join(map(cls.translate, val))}}}"

    @classmethod
    def translate_tuple(cls, val):
        return cls.translate_list(list(val))

    @classmethod
    def translate_dict(cls, val):
        pairs = (f"{cls.translate_str(k)}: {cls.translate(v)}" for k, v in val.items())
        return f"{cls.type_of(val)}{{{', '.join(pairs)}}}"

    @classmethod
    def type_of(cls, val):
        """The Go type of a value; of elements of several types it is any, of int and float float64."""
        if isinstance(val, (list, tuple)):
            return "[]" + cls.common(val)
        if isinstance(val, dict):
            return "map[string]" + cls.common(val.values())
        return {bool: "bool", int: "int", float: "float64", str: "string"}.get(type(val), "any")

    @classmethod
    def common(cls, values):
        types = {cls.type_of(v) for v in values}
        if types == {"int", "float64"}:
            return "float64"
        return types.pop() if len(types) == 1 else "any"

    @classmethod
    def comment(cls, cmt_str):
        return f"// {cmt_str}".strip()

    @classmethod
    def assign(cls, name, str_val):
        return f"var {name} = {str_val}"


for name in "gonb", "go":
    papermill_translators.register(name, GoTranslator)
