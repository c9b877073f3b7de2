/* A shared library that is no learner module. */
int nothing(void);
int nothing(void) { return 0; }
