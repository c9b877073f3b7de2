// Ends the compilation with one line where the compiler is told to use an older C++, in place of a
// page of errors about std::span. What #error says does not end it; a header that is not there
// does.
#pragma once

#if __cplusplus < 202002L
#include <detox needs C++20: compile with -std=c++20>
#endif
