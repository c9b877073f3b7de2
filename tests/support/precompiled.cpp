// Owns the precompiled header that all tests share (cmake/Detox.cmake); runs nothing.
int main() { return 0; }
