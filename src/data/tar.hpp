// The members of a tar archive, plain or gzipped, without unpacking it to disk.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "data/gunzip.hpp"

namespace detox {

struct TarMember {
  enum class Kind { kFile, kFolder, kLink, kOther };  ///< a link of either kind; a device, a pipe
  std::string
      path;  ///< as the archive says it, without a leading "./"; nothing is created under it
  Kind kind = Kind::kOther;
};

/// Reads the whole archive with libarchive, which is given tar and no other format. `visit` sees
/// each member and answers with what takes its bytes, or with an empty sink: then they are passed
/// over. The gzip layer is our own (gunzip.hpp), because libarchive 3.6 does not verify its
/// checksum. InputError, opening with `name`, where the data is damaged, ends early or is more than
/// most_bytes of tar. What visit and the sinks throw comes through. Memory: about 1 MiB, whatever
/// the archive says.
void read_tar(const std::string& name, const ByteSource& source, std::uint64_t most_bytes,
              const std::function<ByteSink(const TarMember&)>& visit);

}  // namespace detox
