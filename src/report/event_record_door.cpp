// event_record in the program: protobuf comes with a module.
#include "base/module.hpp"
#include "report/event_record.hpp"

namespace detox {

std::string event_record(const ScalarEvent& event) {
  static const auto& record =
      functions_of<decltype(&event_record)>("protobuf-lite", "libprotobuf-lite");
  return record(event);
}

}  // namespace detox
