// Bytes that may be gzipped -> plain bytes, in pieces.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

namespace detox {

/// The next piece of a file; empty at its end.
using ByteSource = std::function<std::span<const std::byte>()>;
using ByteSink = std::function<void(std::span<const std::byte>)>;

/// Gives the sink all bytes of the source, decompressed where the source begins with gzip's two
/// magic bytes (several gzip members after each other are one stream; zeros behind a member do not
/// count). InputError, opening with `name`, where the gzip data is damaged (its checksum is
/// verified), ends early or is followed by other bytes. The sink may throw to stop. Memory: 64 KiB,
/// whatever the data expands to.
void gunzip(const std::string& name, const ByteSource& source, const ByteSink& sink);

/// The same, for a reader that asks for pieces. The source that it gives throws InputError as
/// gunzip does, at the end too, where the checksum stands: whoever relies on it reads to the end.
/// Memory: about 1 MiB.
ByteSource gunzip_source(std::string name, ByteSource source);

}  // namespace detox
