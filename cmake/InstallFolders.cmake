# Where the files of an installation go, below its prefix.
if(NOT DEFINED CMAKE_INSTALL_LIBDIR AND CMAKE_LIBRARY_ARCHITECTURE AND EXISTS /etc/debian_version)
  # Debian's linker looks there below /usr and /usr/local; GNUInstallDirs does it for /usr alone, which is not known yet
  # where a package is built later from the same folder.
  set(CMAKE_INSTALL_LIBDIR lib/${CMAKE_LIBRARY_ARCHITECTURE} CACHE PATH "Libraries, below the prefix")
endif()
include(GNUInstallDirs)
# Debian packages of their own have `library`, the libraries that others are linked with, and `python`; `program` has all else
# (cmake/Package.cmake).
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME program)
# What the program opens when it needs it, found from the program's own place; the same below a build folder.
set(DETOX_MODULE_DIR ${CMAKE_INSTALL_LIBDIR}/detoxml)
