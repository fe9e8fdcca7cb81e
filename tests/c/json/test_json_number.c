/* Numbers: what Python's str(int) and repr(float) give, digit for digit. */
#include <inttypes.h>
#include <limits.h>
#include <stdint.h>

#include "check.h"
#include "json/json_number.h"

/* Made with Python: powers of two and their neighbours (the step below one is half
 * as wide), the ends of the range, ties, changes between plain and exponent form. */
static const struct {
    uint64_t bits;
    const char *text;
} HARD[] = {
    {UINT64_C(0x0000000000000000), "0.0"},
    {UINT64_C(0x8000000000000000), "-0.0"},
    {UINT64_C(0x3ff0000000000000), "1.0"},
    {UINT64_C(0xbff0000000000000), "-1.0"},
    {UINT64_C(0x3fb999999999999a), "0.1"},
    {UINT64_C(0x3fc999999999999a), "0.2"},
    {UINT64_C(0x3fd3333333333334), "0.30000000000000004"},
    {UINT64_C(0x3fd3333333333333), "0.3"},
    {UINT64_C(0x3fd5555555555555), "0.3333333333333333"},
    {UINT64_C(0x3fe5555555555555), "0.6666666666666666"},
    {UINT64_C(0xc004000000000000), "-2.5"},
    {UINT64_C(0x40091eb851eb851f), "3.14"},
    {UINT64_C(0x3ff199999999999a), "1.1"},
    {UINT64_C(0x3ee4f8b588e368f1), "1e-05"},
    {UINT64_C(0x3f1a36e2eb1c432d), "0.0001"},
    {UINT64_C(0x3f202c9dedbc309d), "0.0001234"},
    {UINT64_C(0x3f202e85be180b74), "0.00012345678901234567"},
    {UINT64_C(0x3f1a36371ea531a8), "9.999e-05"},
    {UINT64_C(0x430c6bf526340000), "1000000000000000.0"},
    {UINT64_C(0x4341c37937e08000), "1e+16"},
    {UINT64_C(0x4376345785d8a000), "1e+17"},
    {UINT64_C(0x444b1ae4d6e2ef50), "1e+21"},
    {UINT64_C(0x4480f0cf064dd592), "1e+22"},
    {UINT64_C(0x44b52d02c7e14af6), "1e+23"},
    {UINT64_C(0x4341c37937e07fff), "9999999999999998.0"},
    {UINT64_C(0x433fffffffffffff), "9007199254740991.0"},
    {UINT64_C(0x4340000000000000), "9007199254740992.0"},
    {UINT64_C(0x4340000000000001), "9007199254740994.0"},
    {UINT64_C(0x432fffffffffffff), "4503599627370495.5"},
    {UINT64_C(0x4330000000000000), "4503599627370496.0"},
    {UINT64_C(0x4330000000000002), "4503599627370498.0"},
    {UINT64_C(0x7fefffffffffffff), "1.7976931348623157e+308"},
    {UINT64_C(0xffefffffffffffff), "-1.7976931348623157e+308"},
    {UINT64_C(0x0010000000000000), "2.2250738585072014e-308"},
    {UINT64_C(0x000fffffffffffff), "2.225073858507201e-308"},
    {UINT64_C(0x0000000000000001), "5e-324"},
    {UINT64_C(0x8000000000000001), "-5e-324"},
    {UINT64_C(0x0000000000000002), "1e-323"},
    {UINT64_C(0x0000000000000003), "1.5e-323"},
    {UINT64_C(0x0000000000000004), "2e-323"},
    {UINT64_C(0x0000000000000063), "4.9e-322"},
    {UINT64_C(0x437b69b4ba630f35), "1.2345678901234568e+17"},
    {UINT64_C(0x43118b54f22aeb03), "1234567890123456.8"},
    {UINT64_C(0x40fe240c9fbe76c9), "123456.789"},
    {UINT64_C(0x4059000000000000), "100.0"},
    {UINT64_C(0x412e848000000000), "1000000.0"},
    {UINT64_C(0x4058ff5c28f5c28f), "99.99"},
    {UINT64_C(0x4033fd70a3d70a3d), "19.99"},
    {UINT64_C(0x54b249ad2594c37d), "1e+100"},
    {UINT64_C(0x2b2bff2ee48e0530), "1e-100"},
    {UINT64_C(0x7e37e43c8800759c), "1e+300"},
    {UINT64_C(0x01a56e1fc2f8f359), "1e-300"},
    {UINT64_C(0x44dfe185ca57c517), "6.02214076e+23"},
    {UINT64_C(0x390b860bde023111), "6.62607015e-34"},
    {UINT64_C(0x41b1de784a000000), "299792458.0"},
    {UINT64_C(0x3d30000000000000), "5.684341886080802e-14"},
    {UINT64_C(0x3eb0000000000000), "9.5367431640625e-07"},
    {UINT64_C(0x3e7ad7f29abcaf48), "1e-07"},
    {UINT64_C(0x3eb0c6f7a0b5ed8d), "1e-06"},
    {UINT64_C(0x3e8421f5f40d8376), "1.5e-07"},
    {UINT64_C(0x3e80823f71155233), "1.23e-07"},
    {UINT64_C(0x3fe0000000000000), "0.5"},
    {UINT64_C(0x3fd0000000000000), "0.25"},
    {UINT64_C(0x3fc0000000000000), "0.125"},
    {UINT64_C(0x447c7e83209e90b2), "8.41e+21"},
    {UINT64_C(0x43e0000000000000), "9.223372036854776e+18"},
    {UINT64_C(0x43f0000000000000), "1.8446744073709552e+19"},
    {UINT64_C(0xc3e0000000000000), "-9.223372036854776e+18"},
    {UINT64_C(0x43e158e460913d00), "1e+19"},
    {UINT64_C(0x4023000000000000), "9.5"},
    {UINT64_C(0x3fee666666666666), "0.95"},
    {UINT64_C(0x3fb9999999999999), "0.09999999999999999"},
    {UINT64_C(0x3fefffffffffffff), "0.9999999999999999"},
    {UINT64_C(0x4023ffffffffffff), "9.999999999999998"},
    {UINT64_C(0x4058ffffffffffff), "99.99999999999999"},
    {UINT64_C(0x3ff0000000000001), "1.0000000000000002"},
    {UINT64_C(0x3fffffffffffffff), "1.9999999999999998"},
    {UINT64_C(0x4011666666666666), "4.35"},
    {UINT64_C(0x3fe3ae147ae147ae), "0.615"},
    {UINT64_C(0x3ff0147ae147ae14), "1.005"},
    {UINT64_C(0x4005666666666666), "2.675"},
    {UINT64_C(0x4010666666666666), "4.1"},
    {UINT64_C(0x3fb1eb851eb851ec), "0.07"},
    {UINT64_C(0x3ff2666666666666), "1.15"},
    {UINT64_C(0x7fe0000000000000), "8.98846567431158e+307"},
    {UINT64_C(0x0000000000002788), "5e-320"},
    {UINT64_C(0x000016b9a2ec86a3), "1.2345e-310"},
    {UINT64_C(0x0010000000000001), "2.225073858507202e-308"},
    {UINT64_C(0x001fffffffffffff), "4.4501477170144023e-308"},
    {UINT64_C(0x0020000000000000), "4.450147717014403e-308"},
    {UINT64_C(0x0020000000000001), "4.450147717014404e-308"},
    {UINT64_C(0x002fffffffffffff), "8.900295434028805e-308"},
    {UINT64_C(0x0030000000000000), "8.900295434028806e-308"},
    {UINT64_C(0x0030000000000001), "8.900295434028808e-308"},
    {UINT64_C(0x033fffffffffffff), "5.0104209000224314e-293"},
    {UINT64_C(0x0340000000000000), "5.010420900022432e-293"},
    {UINT64_C(0x0340000000000001), "5.010420900022433e-293"},
    {UINT64_C(0x034fffffffffffff), "1.0020841800044863e-292"},
    {UINT64_C(0x0350000000000000), "1.0020841800044864e-292"},
    {UINT64_C(0x0350000000000001), "1.0020841800044866e-292"},
    {UINT64_C(0x035fffffffffffff), "2.0041683600089726e-292"},
    {UINT64_C(0x0360000000000000), "2.004168360008973e-292"},
    {UINT64_C(0x0360000000000001), "2.0041683600089732e-292"},
    {UINT64_C(0x063fffffffffffff), "1.410308106144398e-278"},
    {UINT64_C(0x0640000000000000), "1.4103081061443981e-278"},
    {UINT64_C(0x0640000000000001), "1.4103081061443984e-278"},
    {UINT64_C(0x12bfffffffffffff), "2.2662777498902793e-218"},
    {UINT64_C(0x12c0000000000000), "2.2662777498902796e-218"},
    {UINT64_C(0x12c0000000000001), "2.26627774989028e-218"},
    {UINT64_C(0x1f3fffffffffffff), "3.6417679351563505e-158"},
    {UINT64_C(0x1f40000000000000), "3.641767935156351e-158"},
    {UINT64_C(0x1f40000000000001), "3.641767935156352e-158"},
    {UINT64_C(0x2bbfffffffffffff), "5.852095443365247e-98"},
    {UINT64_C(0x2bc0000000000000), "5.852095443365248e-98"},
    {UINT64_C(0x2bc0000000000001), "5.852095443365249e-98"},
    {UINT64_C(0x383fffffffffffff), "9.403954806578299e-38"},
    {UINT64_C(0x3840000000000000), "9.4039548065783e-38"},
    {UINT64_C(0x3840000000000001), "9.403954806578302e-38"},
    {UINT64_C(0x3c2fffffffffffff), "8.6736173798840345e-19"},
    {UINT64_C(0x3c30000000000000), "8.673617379884035e-19"},
    {UINT64_C(0x3c30000000000001), "8.673617379884037e-19"},
    {UINT64_C(0x3c3fffffffffffff), "1.7347234759768069e-18"},
    {UINT64_C(0x3c40000000000000), "1.734723475976807e-18"},
    {UINT64_C(0x3c40000000000001), "1.7347234759768075e-18"},
    {UINT64_C(0x3c5fffffffffffff), "6.9388939039072276e-18"},
    {UINT64_C(0x3c60000000000000), "6.938893903907228e-18"},
    {UINT64_C(0x3c60000000000001), "6.93889390390723e-18"},
    {UINT64_C(0x3c9fffffffffffff), "1.1102230246251564e-16"},
    {UINT64_C(0x3ca0000000000000), "1.1102230246251565e-16"},
    {UINT64_C(0x3ca0000000000001), "1.1102230246251568e-16"},
    {UINT64_C(0x3d3fffffffffffff), "1.1368683772161602e-13"},
    {UINT64_C(0x3d40000000000000), "1.1368683772161603e-13"},
    {UINT64_C(0x3d40000000000001), "1.1368683772161605e-13"},
    {UINT64_C(0x3e7fffffffffffff), "1.1920928955078124e-07"},
    {UINT64_C(0x3e80000000000000), "1.1920928955078125e-07"},
    {UINT64_C(0x3e80000000000001), "1.1920928955078128e-07"},
    {UINT64_C(0x3f1fffffffffffff), "0.00012207031249999999"},
    {UINT64_C(0x3f20000000000000), "0.0001220703125"},
    {UINT64_C(0x3f20000000000001), "0.00012207031250000003"},
    {UINT64_C(0x3fbfffffffffffff), "0.12499999999999999"},
    {UINT64_C(0x3fc0000000000001), "0.12500000000000003"},
    {UINT64_C(0x3fdfffffffffffff), "0.49999999999999994"},
    {UINT64_C(0x3fe0000000000001), "0.5000000000000001"},
    {UINT64_C(0x4000000000000000), "2.0"},
    {UINT64_C(0x4000000000000001), "2.0000000000000004"},
    {UINT64_C(0x405fffffffffffff), "127.99999999999999"},
    {UINT64_C(0x4060000000000000), "128.0"},
    {UINT64_C(0x4060000000000001), "128.00000000000003"},
    {UINT64_C(0x40ffffffffffffff), "131071.99999999999"},
    {UINT64_C(0x4100000000000000), "131072.0"},
    {UINT64_C(0x4100000000000001), "131072.00000000003"},
    {UINT64_C(0x419fffffffffffff), "134217727.99999999"},
    {UINT64_C(0x41a0000000000000), "134217728.0"},
    {UINT64_C(0x41a0000000000001), "134217728.00000003"},
    {UINT64_C(0x423fffffffffffff), "137438953471.99998"},
    {UINT64_C(0x4240000000000000), "137438953472.0"},
    {UINT64_C(0x4240000000000001), "137438953472.00003"},
    {UINT64_C(0x42dfffffffffffff), "140737488355327.98"},
    {UINT64_C(0x42e0000000000000), "140737488355328.0"},
    {UINT64_C(0x42e0000000000001), "140737488355328.03"},
    {UINT64_C(0x42ffffffffffffff), "562949953421311.94"},
    {UINT64_C(0x4300000000000000), "562949953421312.0"},
    {UINT64_C(0x4300000000000001), "562949953421312.1"},
    {UINT64_C(0x431fffffffffffff), "2251799813685247.8"},
    {UINT64_C(0x4320000000000000), "2251799813685248.0"},
    {UINT64_C(0x4320000000000001), "2251799813685248.5"},
    {UINT64_C(0x4330000000000001), "4503599627370497.0"},
    {UINT64_C(0x437fffffffffffff), "1.4411518807585586e+17"},
    {UINT64_C(0x4380000000000000), "1.4411518807585587e+17"},
    {UINT64_C(0x4380000000000001), "1.441151880758559e+17"},
    {UINT64_C(0x43dfffffffffffff), "9.223372036854775e+18"},
    {UINT64_C(0x43e0000000000001), "9.223372036854778e+18"},
    {UINT64_C(0x441fffffffffffff), "1.475739525896764e+20"},
    {UINT64_C(0x4420000000000000), "1.4757395258967641e+20"},
    {UINT64_C(0x4420000000000001), "1.4757395258967645e+20"},
    {UINT64_C(0x44bfffffffffffff), "1.5111572745182863e+23"},
    {UINT64_C(0x44c0000000000000), "1.5111572745182865e+23"},
    {UINT64_C(0x44c0000000000001), "1.5111572745182868e+23"},
    {UINT64_C(0x4affffffffffffff), "1.9156194260823609e+53"},
    {UINT64_C(0x4b00000000000000), "1.915619426082361e+53"},
    {UINT64_C(0x4b00000000000001), "1.9156194260823615e+53"},
    {UINT64_C(0x577fffffffffffff), "3.0782817340933183e+113"},
    {UINT64_C(0x5780000000000000), "3.078281734093319e+113"},
    {UINT64_C(0x5780000000000001), "3.0782817340933194e+113"},
    {UINT64_C(0x63ffffffffffffff), "4.94660802946209e+173"},
    {UINT64_C(0x6400000000000000), "4.946608029462091e+173"},
    {UINT64_C(0x6400000000000001), "4.946608029462092e+173"},
    {UINT64_C(0x707fffffffffffff), "7.948892632579629e+233"},
    {UINT64_C(0x7080000000000000), "7.94889263257963e+233"},
    {UINT64_C(0x7080000000000001), "7.948892632579632e+233"},
    {UINT64_C(0x7cffffffffffffff), "1.2773377981022205e+294"},
    {UINT64_C(0x7d00000000000000), "1.2773377981022207e+294"},
    {UINT64_C(0x7d00000000000001), "1.277337798102221e+294"},
    {UINT64_C(0x7fcfffffffffffff), "4.4942328371557893e+307"},
    {UINT64_C(0x7fd0000000000000), "4.49423283715579e+307"},
    {UINT64_C(0x7fd0000000000001), "4.494232837155791e+307"},
    {UINT64_C(0x7fdfffffffffffff), "8.988465674311579e+307"},
    {UINT64_C(0x7fe0000000000001), "8.988465674311582e+307"},
    {UINT64_C(0xf2a74de452e6b438), "-1.989032661366619e+244"},
    {UINT64_C(0x6513270e269e0d37), "7.761117632285041e+178"},
    {UINT64_C(0x0c5c7fd0a6a3a450), "3.980498358697587e-249"},
    {UINT64_C(0xd23f0824128b2f33), "-1.5432835417340557e+88"},
    {UINT64_C(0x1818e811892f902b), "1.3647584518757569e-192"},
    {UINT64_C(0x9531985d5d9dc9f8), "-1.3701135617873088e-206"},
    {UINT64_C(0xe8e25d940ed90475), "-1.7160537630466207e+197"},
    {UINT64_C(0x36f675cc81e74ef5), "6.294675241195386e-44"},
    {UINT64_C(0x1600a35a099950d8), "1.0613447212142254e-202"},
    {UINT64_C(0x6b0d549b6f03675a), "4.708325160387546e+207"},
    {UINT64_C(0x3d9c172411e20b8f), "6.387016158513563e-12"},
    {UINT64_C(0x8d116ece1738f7d9), "-9.973130378568733e-246"},
    {UINT64_C(0x0f21ddb66cad4a26), "8.779753225680271e-236"},
    {UINT64_C(0x90c192cfd3ac94af), "-5.795503248498993e-228"},
    {UINT64_C(0xf28c105d1fb17c23), "-5.988180159386011e+243"},
    {UINT64_C(0xa170b33839263059), "-1.306052388527796e-147"},
    {UINT64_C(0x953f48f1a09f76b5), "-2.436117699484841e-206"},
    {UINT64_C(0x0fd630f1f29d0da9), "2.233386999150174e-232"},
    {UINT64_C(0x95e60af593bd04cf), "-3.51527970626667e-203"},
    {UINT64_C(0x0cb1e29c658cda14), "1.5987381841032883e-247"},
    {UINT64_C(0x3898d190f9ebdacc), "4.6678633181812096e-36"},
    {UINT64_C(0x8e81973e0becd7b0), "-8.441872792105456e-239"},
    {UINT64_C(0x2217beaddbc496cb), "1.9015657400796622e-144"},
    {UINT64_C(0x6b4cb2424a23d596), "7.370437700706684e+208"},
    {UINT64_C(0x8a6a63ec24ede6a4), "-1.7163996725272777e-258"},
    {UINT64_C(0x922766581e27a1c0), "-3.2367190832119987e-221"},
    {UINT64_C(0x8f6d05584ef8aa38), "-2.2818334634712625e-234"},
    {UINT64_C(0xae97ba94d0eda82f), "-3.0536383926309363e-84"},
    {UINT64_C(0x1a61dbe22e44158b), "1.3449551894627777e-181"},
    {UINT64_C(0x923a736994e3bf91), "-7.317495976062606e-221"},
    {UINT64_C(0x301850c5a38fd547), "5.249822308814304e-77"},
    {UINT64_C(0x18f135d25f557203), "1.5450754142984396e-188"},
};

static void check_text(const char *text, size_t len, const char *want)
{
    fa_span expected = {want, strlen(want)};
    check_eq_span((fa_span){text, len}, expected, "number", __FILE__, __LINE__);
}

static double from_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t to_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

TEST(hard_doubles)
{
    for (size_t i = 0; i < sizeof HARD / sizeof HARD[0]; i++) {
        char out[FA_JSON_NUMBER_SIZE];
        size_t len = fa_json_number_double(from_bits(HARD[i].bits), out);
        check_text(out, len, HARD[i].text);
    }
}

TEST(infinities_and_nan_are_refused)
{
    static const uint64_t bits[] = {UINT64_C(0x7ff0000000000000), UINT64_C(0xfff0000000000000),
        UINT64_C(0x7ff8000000000000), UINT64_C(0x7ff0000000000001), UINT64_C(0xffffffffffffffff)};
    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        char out[FA_JSON_NUMBER_SIZE];
        CHECK_EQ_INT(fa_json_number_double(from_bits(bits[i]), out), 0);
    }
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Significant digits of a number's text. */
static int digits_of(const char *text)
{
    int count = 0, zeros = 0;
    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text < '0' || *text > '9' || (*text == '0' && count == 0)) continue;
        zeros = *text == '0' ? zeros + 1 : 0;
        count++;
    }
    return count - zeros;
}

/* Reads back as itself, and no shorter text the C library can find does. */
static void check_shortest(uint64_t bits)
{
    double value = from_bits(bits);
    char out[FA_JSON_NUMBER_SIZE + 1], shorter[64];
    size_t len = fa_json_number_double(value, out);
    if ((bits >> 52 & 0x7ff) == 0x7ff) {
        CHECK_EQ_INT(len, 0);
        return;
    }
    out[len] = '\0';
    bool same = len > 0 && len <= 24 && to_bits(strtod(out, NULL)) == bits;
    int digits = digits_of(out);
    if (digits > 1) {
        snprintf(shorter, sizeof shorter, "%.*e", digits - 2, value);
        same = same && to_bits(strtod(shorter, NULL)) != bits;
    }
    if (digits == 17) { /* of as many digits, the closest */
        snprintf(shorter, sizeof shorter, "%.16e", value);
        same = same && digits_of(shorter) == 17 && strtod(shorter, NULL) == value;
    }
    CHECK(same);
    if (!same) printf("bits %016" PRIx64 ": %s\n", bits, out);
}

TEST(random_doubles_read_back)
{
    uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
    for (int i = 0; i < 50000; i++)
        check_shortest(next_random(&state));
    for (int i = 0; i < 50000; i++) { /* exponents near those of everyday numbers */
        uint64_t random = next_random(&state);
        check_shortest((random & ((UINT64_C(1) << 52) - 1)) | (UINT64_C(960) + random % 130) << 52);
    }
    for (int i = 0; i < 50000; i++) { /* few digits */
        double value = (double)(int64_t)(next_random(&state) >> 30) / 1000;
        check_shortest(to_bits(i % 2 == 0 ? value : -value / 100000));
    }
}

static void check_int64(int64_t value)
{
    char out[FA_JSON_NUMBER_SIZE], want[32];
    snprintf(want, sizeof want, "%" PRId64, value);
    size_t len = fa_json_number_int64(value, out);
    check_text(out, len, want);
}

static void check_uint64(uint64_t value)
{
    char out[FA_JSON_NUMBER_SIZE], want[32];
    snprintf(want, sizeof want, "%" PRIu64, value);
    size_t len = fa_json_number_uint64(value, out);
    check_text(out, len, want);
}

TEST(integers)
{
    uint64_t ten = 1;
    for (int digits = 1; digits <= 20; digits++, ten *= 10) {
        for (int64_t d = -2; d <= 2; d++) {
            check_uint64(ten + (uint64_t)d);
            check_int64((int64_t)(ten + (uint64_t)d));
            check_int64((int64_t)(0 - ten + (uint64_t)d));
        }
    }
    for (int shift = 0; shift < 64; shift++) {
        for (uint64_t d = 0; d < 3; d++) {
            check_uint64((UINT64_C(1) << shift) + d - 1);
            check_int64((int64_t)((UINT64_C(1) << shift) + d - 1));
        }
    }
    check_uint64(0);
    check_uint64(UINT64_MAX);
    check_int64(INT64_MIN);
    check_int64(INT64_MAX);
    uint64_t state = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        uint64_t random = next_random(&state);
        check_uint64(random >> (random & 63));
        check_int64((int64_t)random >> (random & 63));
    }
}

/* A text of n bytes needs n bytes of room. */
TEST(integers_write_no_more_than_their_digits)
{
    uint64_t value = 0;
    for (size_t digits = 1; digits <= 20;
         digits++, value = digits == 20 ? UINT64_MAX : value * 10 + 9) {
        char *out = malloc(digits);
        CHECK(fa_json_number_uint64(value, out) <= digits);
        free(out);
    }
}

int main(void)
{
    RUN(hard_doubles);
    RUN(infinities_and_nan_are_refused);
    RUN(random_doubles_read_back);
    RUN(integers);
    RUN(integers_write_no_more_than_their_digits);
    return CHECK_END();
}
