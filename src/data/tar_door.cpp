// read_tar in the program: libarchive comes with a module.
#include "base/module.hpp"
#include "data/tar.hpp"

namespace detox {

void read_tar(const std::string& name, const ByteSource& source, std::uint64_t most_bytes,
              const std::function<ByteSink(const TarMember&)>& visit) {
  functions_of<decltype(&read_tar)>("archive", "libarchive")(name, source, most_bytes, visit);
}

}  // namespace detox
