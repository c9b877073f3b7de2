# `cpack -G DEB` in a build folder: packages for Debian, as its policy wants them. Needs dpkg-dev, which finds the packages of the
# libraries that what is in them is linked with.
#   detoxml           the program; headers for its libraries
#   libdetoxml0       the libraries
#   python3-detoxml   the Python package
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME detoxml)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL program library python)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS ON)
set(CPACK_COMPONENT_PROGRAM_DEPENDS library)
set(CPACK_COMPONENT_PYTHON_DEPENDS library)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME detoxml)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libdetoxml${PROJECT_VERSION_MAJOR})
set(CPACK_DEBIAN_PYTHON_PACKAGE_NAME python3-detoxml)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")  # each has its own, as the first line
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION
  "trains neural networks while some of the machines lie
Each piece of a batch is computed by several workers; a vote keeps the
honest answer as long as the liars do not own its majority, and a robust
rule over the voted gradients survives the few pieces that they do own
(DETOX, NeurIPS 2019). In one process that plays a whole cluster, or over
MPI, with the same bits from both.

The package holds the program, and the headers of the library of its
robust rules, for C++ and C.")
set(CPACK_COMPONENT_LIBRARY_DESCRIPTION
  "robust aggregation of vectors of which some are hostile
Rules that reduce n vectors to one that f hostile ones among them cannot
move far: medians, trimmed means, Krum, Bulyan, geometric medians and
others, the steps before them, votes and attacks, for C++ and C.

The package holds the shared library; detoxml has its headers.")
set(CPACK_COMPONENT_PYTHON_DESCRIPTION
  "robust aggregation of vectors of which some are hostile, for Python
The rules of DETOX for arrays of NumPy, tensors of PyTorch and whatever
has buffers, without a copy; votes and digests; strategies for Flower;
weights of PyTorch to safetensors and back.

The package is pure Python over the C interface of libdetoxml.")
set(CPACK_PACKAGE_HOMEPAGE_URL "https://arxiv.org/abs/1907.12205")
set(CPACK_PACKAGE_CONTACT "DETOX maintainers <detoxml@localhost>" CACHE STRING "Who built the package: NAME <ADDRESS>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/package)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/DebianFiles.cmake)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SOURCE detoxml)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_PYTHON_PACKAGE_SECTION python)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/cmake/triggers)
set(CPACK_DEBIAN_PYTHON_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_PYTHON_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_PYTHON_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/cmake/python/postinst ${PROJECT_SOURCE_DIR}/cmake/python/prerm)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
# What it calls, and the BLAS by name: with --no-install-recommends the reference BLAS stays, which is 30 times slower.
set(CPACK_DEBIAN_PROGRAM_PACKAGE_DEPENDS "openmpi-bin, libopenblas0-pthread | libopenblas0-openmp")
# The data set of the defaults, downloads over HTTPS, and other machines.
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS "dataset-fashion-mnist, ca-certificates, openssh-client")
# Plots, machines of Amazon's, weights of others.
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SUGGESTS "python3-matplotlib, awscli, python3-detoxml")
set(CPACK_DEBIAN_PYTHON_PACKAGE_DEPENDS "python3 (>= 3.9)")
# Whose arrays it takes, runs, and plots of them.
set(CPACK_DEBIAN_PYTHON_PACKAGE_SUGGESTS "python3-numpy, python3-torch, detoxml, python3-matplotlib")
include(CPack)
