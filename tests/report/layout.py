"""Where things stand in a picture: nothing outside it, no text on top of other text."""


def check(picture):
    figure = picture.figure
    picture.png  # noqa: B018 - drawing places the ticks
    whole = figure.bbox.padded(1.0)
    boxes = []
    for axes in figure.axes:
        labels = [axes.title, axes._left_title, *axes.texts]
        for axis in (axis for axis in (axes.xaxis, axes.yaxis) if axis.get_visible()):
            labels += [*axis.get_ticklabels(), axis.label]
        shown = [t for t in labels if t.get_visible() and t.get_text() and t.get_window_extent().width > 1]
        boxes += [(t.get_text(), t.get_window_extent()) for t in shown if visible(t, axes)]
    boxes += [(t.get_text(), t.get_window_extent()) for t in figure.texts if t.get_text()]
    boxes += [("legend", legend.get_window_extent()) for legend in figure.legends]
    for k, (text, box) in enumerate(boxes):
        assert whole.contains(*box.min), (picture.name, text)
        assert whole.contains(*box.max), (picture.name, text)
        for other, against in boxes[:k]:
            assert not box.padded(-1.0).overlaps(against), (picture.name, text, other)


def visible(text, axes):
    """Ticks outside the axes' limits, or switched off, keep a label that is not drawn."""
    if text in axes.get_xticklabels():
        low, high = sorted(axes.get_xlim())
        return axes.xaxis.get_tick_params().get("labelbottom", True) and low <= text.get_position()[0] <= high
    if text in axes.get_yticklabels():
        low, high = sorted(axes.get_ylim())
        return axes.yaxis.get_tick_params().get("labelleft", True) and low <= text.get_position()[1] <= high
    return True
