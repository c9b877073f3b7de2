#include "report/event_record.hpp"

#include <event.pb.h>

#include <bit>
#include <limits>

#include "report/crc32c.hpp"

namespace detox {
namespace {

constexpr const char* kEventFileVersion = "brain.Event:2";

void add_number(std::uint64_t number, std::size_t bytes, std::string& out) {
  constexpr unsigned kBits = 8;
  for (std::size_t i = 0; i < bytes; ++i, number >>= kBits) out += static_cast<char>(number & 0xFF);
}

/// As TFRecord has it: what is checked may itself hold checksums.
std::uint32_t masked_checksum(std::string_view bytes) {
  constexpr std::uint32_t kMask = 0xA282EAD8;
  constexpr int kRotation = 15;
  return std::rotr(crc32c(bytes), kRotation) + kMask;
}

/// A double that no float reaches becomes infinite.
float narrowed(double value) {
  constexpr double kMost = std::numeric_limits<float>::max();
  if (value > kMost) return std::numeric_limits<float>::infinity();
  if (value < -kMost) return -std::numeric_limits<float>::infinity();
  return static_cast<float>(value);
}

}  // namespace

std::string event_record(const ScalarEvent& event) {
  detox::event::Event message;
  message.set_wall_time(event.wall_time);
  message.set_step(static_cast<std::int64_t>(event.step));
  switch (event.kind) {
    case EventKind::kFileVersion:
      message.set_file_version(kEventFileVersion);
      break;
    case EventKind::kStart:
      message.mutable_session_log()->set_status(detox::event::SessionLog::START);
      break;
    case EventKind::kScalars:
      for (const Scalar& scalar : event.scalars) {
        detox::event::Summary::Value* value = message.mutable_summary()->add_value();
        value->set_tag(scalar.tag);
        value->set_simple_value(narrowed(scalar.value));
      }
  }
  const std::string data = message.SerializeAsString();
  std::string record;
  add_number(data.size(), sizeof(std::uint64_t), record);
  add_number(masked_checksum(record), sizeof(std::uint32_t), record);
  record += data;
  add_number(masked_checksum(data), sizeof(std::uint32_t), record);
  return record;
}

}  // namespace detox
