#include "base/own_module.hpp"
#include "data/tar.hpp"

DETOX_MODULE(decltype(&detox::read_tar), detox::read_tar);
