# `cpack -G DEB` in a build folder: one package for Debian, as its policy wants it. Needs dpkg-dev, which finds the packages
# of the libraries that the program is linked with.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME detoxml)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "trains neural networks while some of the machines lie")
set(CPACK_PACKAGE_DESCRIPTION
  "Each piece of a batch is computed by several workers; a vote keeps the honest answer as long as the liars do not own
its majority, and a robust rule over the voted gradients survives the few pieces that they do own (DETOX, NeurIPS
2019). In one process that plays a whole cluster, or over MPI, with the same bits from both.

 The package holds the program, and the robust rules as a library for C++ and C with its headers.")
set(CPACK_PACKAGE_HOMEPAGE_URL "https://arxiv.org/abs/1907.12205")
set(CPACK_PACKAGE_CONTACT "DETOX maintainers <detoxml@localhost>" CACHE STRING "Who built the package: NAME <ADDRESS>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/package)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/DebianFiles.cmake)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
# What it calls, and the BLAS by name: with --no-install-recommends the reference BLAS stays, which is 30 times slower.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "openmpi-bin, libopenblas0-pthread | libopenblas0-openmp")
# The data set of the defaults, downloads over HTTPS, and other machines.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "dataset-fashion-mnist, ca-certificates, openssh-client")
# Plots, and machines of Amazon's.
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "python3-matplotlib, awscli")
include(CPack)
