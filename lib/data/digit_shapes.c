#include "data/digit_shapes.h"

#include "io/stroke.h"

#define P(x, y)                                                                                                        \
    { x, y, GANI_PEN_SMOOTH }
#define C(x, y)                                                                                                        \
    { x, y, GANI_PEN_CORNER }
#define S(x, y)                                                                                                        \
    { x, y, GANI_PEN_START }

static const gani_pen_point zero_round[] = {S(38, 2),  P(14, 14), P(2, 48),  P(10, 82), P(33, 100),
                                            P(58, 86), P(67, 50), P(58, 16), P(34, 0)};
static const gani_pen_point zero_hooked[] = {S(52, 4),  P(28, 4),  P(8, 28),  P(4, 64),  P(20, 96),
                                             P(44, 97), P(64, 72), P(66, 36), P(52, 10), P(36, 8)};

static const gani_pen_point one_plain[] = {S(32, 0), P(30, 34), P(31, 66), P(30, 100)};
static const gani_pen_point one_flag[] = {S(14, 22), P(26, 11), C(35, 0), P(34, 48), P(34, 100)};
static const gani_pen_point one_base[] = {S(16, 20), C(36, 0), P(35, 50), P(35, 98), S(12, 99), P(36, 98), P(60, 98)};

static const gani_pen_point two_sharp[] = {S(5, 24),  P(14, 6), P(36, 0),  P(57, 11), P(57, 36),
                                           P(34, 68), C(3, 98), P(34, 94), P(68, 97)};
static const gani_pen_point two_loop[] = {S(8, 20),  P(22, 3), P(44, 2),  P(58, 18), P(54, 44), P(36, 74),
                                          P(15, 95), P(3, 90), P(13, 79), P(32, 87), P(50, 98), P(72, 90)};

static const gani_pen_point three_round[] = {S(6, 13),  P(26, 0),  P(49, 5),  P(55, 24),  P(42, 41), C(22, 47),
                                             P(46, 51), P(62, 70), P(54, 92), P(28, 100), P(2, 88)};
static const gani_pen_point three_flat[] = {S(8, 3),   P(34, 2),  C(60, 2),  P(44, 22),  C(28, 40),
                                            P(52, 49), P(62, 72), P(47, 95), P(22, 100), P(2, 88)};

static const gani_pen_point four_open[] = {S(14, 0),  P(8, 28), C(4, 55),  P(34, 57),
                                           P(68, 52), S(53, 4), P(51, 50), P(48, 100)};
static const gani_pen_point four_closed[] = {S(48, 0),  P(24, 32), C(0, 65),  P(36, 67),
                                             P(72, 65), S(50, 2),  P(49, 50), P(48, 100)};
static const gani_pen_point four_curved[] = {S(10, 4),  P(6, 34), P(18, 52), P(38, 48),
                                             P(56, 26), C(62, 2), P(57, 50), P(54, 100)};

static const gani_pen_point five_two[] = {S(16, 3),   C(10, 43), P(36, 37), P(60, 53), P(59, 81),
                                          P(34, 100), P(4, 91),  S(15, 4),  P(38, 3),  P(64, 1)};
static const gani_pen_point five_one[] = {S(62, 2),  P(40, 3),  C(18, 4),  C(9, 45), P(34, 38),
                                          P(58, 52), P(60, 78), P(36, 99), P(4, 92)};

static const gani_pen_point six_tall[] = {S(50, 0),  P(24, 20), P(7, 50),  P(6, 80),  P(28, 100),
                                          P(54, 90), P(58, 68), P(38, 54), P(17, 61), P(7, 78)};
static const gani_pen_point six_curl[] = {S(58, 8),  P(42, 1),  P(20, 16), P(5, 46),  P(6, 78), P(26, 99),
                                          P(52, 92), P(60, 70), P(44, 54), P(20, 58), P(8, 74)};

static const gani_pen_point seven_plain[] = {S(2, 6), P(32, 4), C(64, 3), P(44, 46), P(28, 100)};
static const gani_pen_point seven_bar[] = {S(2, 5),    P(32, 4),  C(64, 2),  P(42, 50),
                                           P(28, 100), S(18, 52), P(38, 51), P(58, 48)};
static const gani_pen_point seven_serif[] = {S(3, 20), C(6, 4), P(36, 5), C(64, 2), P(52, 34), P(36, 64), P(32, 100)};

static const gani_pen_point eight_one[] = {S(54, 14),  P(36, 0), P(13, 9), P(13, 30), P(34, 46), P(58, 66), P(56, 90),
                                           P(32, 100), P(8, 89), P(9, 67), P(32, 48), P(54, 30), P(56, 13), P(46, 3)};
static const gani_pen_point eight_two[] = {S(36, 45),  P(14, 35), P(13, 11), P(35, 0), P(56, 11),
                                           P(53, 35),  P(34, 46), S(32, 46), P(8, 62), P(6, 87),
                                           P(32, 100), P(60, 88), P(59, 62), P(36, 46)};

static const gani_pen_point nine_straight[] = {S(56, 17), P(37, 1),  P(13, 9),  P(6, 34),  P(25, 50),
                                               P(48, 40), C(58, 12), P(56, 54), P(51, 100)};
static const gani_pen_point nine_hook[] = {S(57, 18), P(38, 1),  P(14, 8),  P(6, 32),   P(24, 48), P(48, 40),
                                           C(58, 14), P(60, 52), P(50, 86), P(28, 100), P(7, 90)};
static const gani_pen_point nine_lean[] = {S(52, 8),  P(30, 1), P(9, 16),  P(10, 40), P(32, 48),
                                           P(52, 30), C(56, 4), P(46, 54), P(30, 100)};

typedef struct shape {
    const gani_pen_point *points;
    int32_t count;
} shape;
#define SHAPE(a)                                                                                                       \
    { a, (int32_t)(sizeof(a) / sizeof(a)[0]) }

/* three writers for each digit; a shape listed twice is the commoner one */
static const shape shapes[10][3] = {
    {SHAPE(zero_round), SHAPE(zero_round), SHAPE(zero_hooked)},
    {SHAPE(one_plain), SHAPE(one_flag), SHAPE(one_base)},
    {SHAPE(two_sharp), SHAPE(two_sharp), SHAPE(two_loop)},
    {SHAPE(three_round), SHAPE(three_round), SHAPE(three_flat)},
    {SHAPE(four_open), SHAPE(four_closed), SHAPE(four_curved)},
    {SHAPE(five_two), SHAPE(five_two), SHAPE(five_one)},
    {SHAPE(six_tall), SHAPE(six_tall), SHAPE(six_curl)},
    {SHAPE(seven_plain), SHAPE(seven_bar), SHAPE(seven_serif)},
    {SHAPE(eight_one), SHAPE(eight_one), SHAPE(eight_two)},
    {SHAPE(nine_straight), SHAPE(nine_hook), SHAPE(nine_lean)},
};

const gani_pen_point *gani_digit_shape(int32_t digit, uint32_t choice, int32_t *count) {
    const shape *chosen = &shapes[digit][choice % 3];
    *count = chosen->count;
    return chosen->points;
}
