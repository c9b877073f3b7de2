#include "base/own_module.hpp"
#include "prepare/http_download.hpp"

DETOX_MODULE(decltype(&detox::http_download), detox::http_download);
