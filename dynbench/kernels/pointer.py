"""Calls through an address: how the driver reaches the functions of a pair, which it was compiled without."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


def pointer_call(context, builder, signature, arguments):
    """Code for a call of the C function at arguments[0]; arrays go in as pointers to their data."""
    passed = [
        context.make_array(kind)(context, builder, argument).data if isinstance(kind, types.Array) else argument
        for kind, argument in zip(signature.args[1:], arguments[1:], strict=True)
    ]
    function = ir.FunctionType(ir.IntType(64), [p.type for p in passed])
    return builder.call(builder.inttoptr(arguments[0], function.as_pointer()), passed)


def pointer_to(context, builder, signature, arguments):
    """Code for an address as a pointer."""
    return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))


@intrinsic
def call(typing, address, w, t, a, b, c, seed):  # noqa: ARG001 (the compiler's signature)
    """call(address, w, t, a, b, c, seed) -> int64, see `lanes` for what the functions there take."""
    return types.int64(types.int64, w, t, *[types.int64] * 4), pointer_call


@intrinsic
def floats(typing, address):  # noqa: ARG001
    """The float64 that begin at an address."""
    return types.CPointer(types.float64)(types.int64), pointer_to


@intrinsic
def integers(typing, address):  # noqa: ARG001
    """The int64 that begin at an address."""
    return types.CPointer(types.int64)(types.int64), pointer_to


@intrinsic
def words(typing, address):  # noqa: ARG001
    """The int32 that begin at an address."""
    return types.CPointer(types.int32)(types.int64), pointer_to
