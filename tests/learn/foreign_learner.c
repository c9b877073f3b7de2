/* A module of another year: its interface is one that this program does not know. */
__asm__(
    ".pushsection .note.detoxml, \"a\", %note\n.balign 4\n.long 8, 4f-3f, 1\n.asciz \"detoxml\"\n"
    "3: .ascii \"interface=9;toy 9.0\"\n4: .balign 4\n.popsection\n");

int detox_learner_module(void);
int detox_learner_module(void) { return 0; }
