/* A locale whose decimal point is a comma, as most of the world's are. */
#ifndef TESTS_SUPPORT_COMMA_H
#define TESTS_SUPPORT_COMMA_H

/* Sets one of the system's; where there is none, with glibc, one that is made for this purpose. 0: none can be had. */
int comma_begin(void);
void comma_end(void); /* the C locale again */

#endif
