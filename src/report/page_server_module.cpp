#include "base/own_module.hpp"
#include "report/page_server.hpp"

DETOX_MODULE(decltype(&detox::serve_page), detox::serve_page);
