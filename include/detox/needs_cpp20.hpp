// Ends the compilation where the compiler is told to use an older C++, in place of a page of errors
// about std::span.
#pragma once

#if __cplusplus < 202002L
#error "detox needs C++20: compile with -std=c++20"
#include <detox/the_line_above_says_why>
#endif
