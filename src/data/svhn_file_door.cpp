// read_svhn_file in the program: libmatio comes with a module, and HDF5 with it.
#include "base/module.hpp"
#include "data/svhn.hpp"

namespace detox {

LabelledImages read_svhn_file(const std::filesystem::path& file) {
  return functions_of<decltype(&read_svhn_file)>("matio", "libmatio")(file);
}

}  // namespace detox
