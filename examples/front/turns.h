/* Whose turn it is where a critic is trained for several steps before each of the generator's. */
#ifndef TURNS_H
#define TURNS_H

#include <stdint.h>

/* The WGAN authors' program: is it the generator's turn after so many steps of the critic, which usually has n_critic
 * for one of the generator? They train it for 100 before each of the generator's first 25 and before every 500th. */
int turns_authors(int64_t done, int64_t n_critic);
/* PyTorch-GAN's programs: the generator's turn comes with the first batch of each epoch, of so many batches, and then
 * with every n_critic-th. */
int turns_pytorch_gan(int64_t done, int64_t batches, int64_t n_critic);

#endif
