"""Prints as JSON what TensorBoard finds in a folder of event files: [step, value] by tag, a picture as [width, height, size]."""

import json
import sys

from tensorboard.backend.event_processing import plugin_event_accumulator

accumulator = plugin_event_accumulator.EventAccumulator(sys.argv[1])
accumulator.Reload()


def value_of(tag, tensor):
    plugin = accumulator.SummaryMetadata(tag).plugin_data.plugin_name
    if plugin == "scalars":
        return tensor.float_val[0]
    assert plugin == "images", plugin
    width, height, png = tensor.string_val
    return [int(width), int(height), len(png)]


tags = accumulator.Tags()["tensors"]
print(json.dumps({
    tag: [[event.step, value_of(tag, event.tensor_proto)]
          for event in accumulator.Tensors(tag)]
    for tag in tags
}))
