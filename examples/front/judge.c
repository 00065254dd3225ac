#include "front/front.h"
gan_status front_judge(front *f) {
    (void)f;
    return GAN_OK;
}
