// An event of TensorBoard's as the bytes of a record: a protobuf message, framed as TFRecord.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace detox {

struct Scalar {
  std::string tag;  ///< "train/loss"
  double value;
};

enum class EventKind {
  kFileVersion,  ///< first in every file
  kStart,        ///< what earlier events say of this step and later ones no longer counts
  kScalars
};

struct ScalarEvent {
  EventKind kind;
  double wall_time;  ///< seconds since 1970
  std::uint64_t step = 0;
  std::vector<Scalar> scalars = {};
};

/// Length (8 bytes, little-endian), its checksum, the message, its checksum. The program opens the
/// module that brings protobuf for it: InputError where that is not there.
std::string event_record(const ScalarEvent& event);

/// InputError where event_record() cannot be had.
inline void check_events() { event_record({EventKind::kFileVersion, 0}); }

}  // namespace detox
