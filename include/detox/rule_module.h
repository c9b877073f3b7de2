/* A rule of yours for `detoxml aggregate` and `detoxml train`, compiled by yourself:

     #include <detox/rule_module.h>

     static int first(const float* const* rows, size_t n, size_t d, size_t f, float* out,
                      void* data) { ... }

     DETOX_RULE_MODULE(.name = "first", .reduce_float = first);

     cc -shared -fPIC -o first.so first.c
     detoxml train --mode ./first.so

   In C99 and later, in C++20 and later. It links nothing of detoxml: the interface is a table of
   plain C, with an ELF note of the name "detoxml" and type DETOX_RULE_NOTE that says which
   interface it is and is read before anything of the file is run.

   The functions may be called by several threads at once. The same input must give the same bits,
   wherever and however often it is reduced: that is tried once before a run. Training calls
   reduce_float; reduce_double is for arrays of doubles. */
#ifndef DETOX_RULE_MODULE_H
#define DETOX_RULE_MODULE_H

#include "detox/detox.h"

#define DETOX_RULE_INTERFACE 1
#define DETOX_RULE_INTERFACE_TEXT "1"
#define DETOX_RULE_NOTE 2
#define DETOX_RULE_SYMBOL "detox_rule_module"

#ifdef __cplusplus
#define DETOX_RULE_EXPORT extern "C" __attribute__((visibility("default")))
#else
#define DETOX_RULE_EXPORT extern __attribute__((visibility("default")))
#endif

/* Once in a module: the members of its detox_function_rule, of which a name and a function are the
   least. */
#define DETOX_RULE_MODULE(...)                                          \
  __asm__(                                                              \
      ".pushsection .note.detoxml, \"a\", %note\n"                      \
      ".balign 4\n.long 2f-1f, 4f-3f, 2\n1: .asciz \"detoxml\"\n2: "    \
      ".balign 4\n3: .ascii \"interface=" DETOX_RULE_INTERFACE_TEXT     \
      "\"\n4: .balign 4\n.popsection\n");                               \
  DETOX_RULE_EXPORT const detox_function_rule* detox_rule_module(void); \
  const detox_function_rule* detox_rule_module(void) {                  \
    static const detox_function_rule rule = {__VA_ARGS__};              \
    return &rule;                                                       \
  }                                                                     \
  DETOX_RULE_EXPORT const detox_function_rule* detox_rule_module(void)

#endif
