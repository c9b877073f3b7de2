// What a hostile rank can send and the transport itself cannot.
#pragma once

namespace detox {

/// Begins to send 3 GiB to a rank, under the transport's tag; never looks whether they are taken.
void send_three_gibibytes(int to);

}  // namespace detox
