// Functions of the libraries that compute, by name: the BLAS may be any, and its own settings are
// in no header of libtorch's.
#pragma once

namespace detox {

/// The function that this code's own library finds under this name, in itself or in what it needs;
/// null where none has it. (dlsym(RTLD_DEFAULT, …) depends on who calls it, and a compiler that
/// makes the call a jump makes that somebody else.)
void* loaded_function(const char* name);

}  // namespace detox
