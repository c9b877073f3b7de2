#include "base/own_module.hpp"
#include "data/svhn.hpp"

DETOX_MODULE(decltype(&detox::read_svhn_file), detox::read_svhn_file);
