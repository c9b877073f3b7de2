#include "base/own_module.hpp"
#include "report/event_record.hpp"

DETOX_MODULE(decltype(&detox::event_record), detox::event_record);
