/*
 * json_number.c - integers two digits at a time; doubles in four ways.
 *
 * A double is m * 2^e, and the decimals that read back as it fill the interval
 * from half a step below to half a step above (a quarter below a power of two,
 * where the steps below are half as wide), ends included if m is even. Wanted
 * is the shortest decimal in there, and of several the closest. All ways
 * compute with exact integers, so none can be off by one:
 *
 *   few_digits   at most 15 digits: a guess that is proved by one division
 *   all_digits   1e-7 <= value < 1e15: the interval's ends in units of the 17th digit
 *   fixed_point  2^-60 < value < 2^53: digits out of a 128-bit fraction
 *   any_double   everything: the same digits out of long integers
 */
#include "json/json_number.h"

#include <string.h>

#include "base/base.h"

/* The digits of 0.DIGITS * 10^point; at most 17, none of them a trailing 0. */
struct decimal {
    char digits[FA_JSON_NUMBER_SIZE]; /* 20 of an integer at most, before its zeros go */
    int count;
    int point;
};

/* A positive double as m * 2^e. */
struct binary {
    uint64_t m;
    int e;
    bool even;         /* the ends of the interval read back as this double */
    bool power_of_two; /* the step below is half as wide */
};

static const char TWO_DIGITS[] = "0001020304050607080910111213141516171819"
                                 "2021222324252627282930313233343536373839"
                                 "4041424344454647484950515253545556575859"
                                 "6061626364656667686970717273747576777879"
                                 "8081828384858687888990919293949596979899";

static const uint64_t TEN_TO[] = {1u, 10u, 100u, 1000u, 10000u, 100000u, 1000000u, 10000000u,
    100000000u, 1000000000u, 10000000000u, 100000000000u, 1000000000000u, 10000000000000u,
    100000000000000u, 1000000000000000u, 10000000000000000u, 100000000000000000u,
    1000000000000000000u, 10000000000000000000u};

static const double TEN_TO_DOUBLE[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

#define FIVE_5  (UINT64_C(3125))
#define FIVE_10 (FIVE_5 * FIVE_5)
#define FIVE_20 (FIVE_10 * FIVE_10)
#define FIVE(n) n, n * 5, n * 25, n * 125, n * 625
static const uint64_t FIVE_TO[] = {
    FIVE(UINT64_C(1)), FIVE(FIVE_5), FIVE(FIVE_10), FIVE(FIVE_10 *FIVE_5), FIVE(FIVE_20)};

/* How many decimal digits; 1 for 0. */
static inline int digit_count(uint64_t value)
{
    int bits = 64 - __builtin_clzll(value | 1);
    int guess = bits * 1233 >> 12; /* log10(2), never too small by more than one */
    return guess + (value >= TEN_TO[guess] || guess == 0);
}

/* Exactly eight digits; the four divisions by 100 do not wait for each other. */
static inline void put_eight(char *out, uint32_t value)
{
    uint32_t high = value / 10000, low = value % 10000;
    memcpy(out, TWO_DIGITS + high / 100 * 2, 2);
    memcpy(out + 2, TWO_DIGITS + high % 100 * 2, 2);
    memcpy(out + 4, TWO_DIGITS + low / 100 * 2, 2);
    memcpy(out + 6, TWO_DIGITS + low % 100 * 2, 2);
}

size_t fa_json_number_uint64(uint64_t value, char *out)
{
    size_t len = (size_t)digit_count(value);
    char *at = out + len;
    while (value >= 100000000) {
        at -= 8;
        put_eight(at, (uint32_t)(value % 100000000));
        value /= 100000000;
    }
    while (value >= 100) {
        at -= 2;
        memcpy(at, TWO_DIGITS + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        memcpy(out, TWO_DIGITS + value * 2, 2);
    } else {
        *out = (char)('0' + value);
    }
    return len;
}

size_t fa_json_number_int64(int64_t value, char *out)
{
    if (value >= 0) return fa_json_number_uint64((uint64_t)value, out);
    *out = '-';
    return 1 + fa_json_number_uint64(0 - (uint64_t)value, out + 1);
}

static struct binary split(uint64_t bits)
{
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    int exponent = (int)(bits >> 52 & 0x7ff);
    struct binary b;
    b.m = exponent == 0 ? fraction : fraction | UINT64_C(1) << 52;
    b.e = (exponent == 0 ? 1 : exponent) - 1075;
    b.even = (b.m & 1) == 0;
    b.power_of_two = fraction == 0 && exponent > 1;
    return b;
}

/* Digits of an integer, its trailing zeros left to the point. */
static void set_digits(struct decimal *d, uint64_t value, int point)
{
    if (value % 100000000 == 0) value /= 100000000;
    if (value % 10000 == 0) value /= 10000;
    if (value % 100 == 0) value /= 100;
    while (value % 10 == 0)
        value /= 10;
    d->count = (int)fa_json_number_uint64(value, d->digits);
    d->point = point;
}

/* 1e-7 <= value < 1e15: how far 15 digits reach behind the point. */
static inline int reach_of_15(double value)
{
    if (value >= 1) return 15 - digit_count((uint64_t)value);
    int k = 15;
    while (k < 22 && value * TEN_TO_DOUBLE[k] < 1e14)
        k++;
    return k;
}

/*
 * Decimals of at most 15 digits are further apart than doubles are, so at most
 * one of them reads back as `value`; and n / 10^k with both exact in a double
 * is rounded once, as a reader would: if it gives `value`, n / 10^k is it.
 */
static bool few_digits(double value, int k, struct decimal *d)
{
    double scaled = value * TEN_TO_DOUBLE[k] + 0.5;
    if (scaled >= 1e15) return false;
    uint64_t n = (uint64_t)scaled;
    if (n == 0 || (double)n / TEN_TO_DOUBLE[k] != value) return false;
    set_digits(d, n, digit_count(n) - k);
    return true;
}

/*
 * With 17 digits in front of the point the interval is at least one wide, so it holds
 * an integer: value * 10^k is 4 * m * 5^k / 2^scale, which fits in 128 bits. Then
 * digits go from the end for as long as the interval holds a number without them.
 */
static bool all_digits(const struct binary *b, int k, struct decimal *d)
{
    int scale = 2 - b->e - k;
    if (scale <= 0 || scale > 64) return false;
    uint64_t five = FIVE_TO[k], unit = 1;
    unsigned __int128 value = (unsigned __int128)(b->m << 2) * five;
    unsigned __int128 least = value - (b->power_of_two ? five : 2 * five);
    unsigned __int128 most = value + 2 * five, mask = ((unsigned __int128)1 << scale) - 1;
    if (!b->even) { /* the ends do not count */
        least++;
        most--;
    }
    uint64_t from = (uint64_t)((least + mask) >> scale), to = (uint64_t)(most >> scale);
    uint64_t n = (uint64_t)(value >> scale), rest = 0;
    for (uint64_t low = (from + 9) / 10, high = to / 10; low <= high;
         low = (low + 9) / 10, high /= 10)
        unit *= 10;
    if (unit > 1) {
        rest = n % unit;
        n /= unit;
    }
    unsigned __int128 twice = (((unsigned __int128)rest << scale) | (value & mask)) * 2;
    unsigned __int128 whole = (unsigned __int128)unit << scale;
    n += twice > whole || (twice == whole && (n & 1) != 0);
    if (n * unit < from) n++; /* the closest lies outside, on the narrow side */
    n -= n * unit > to;
    set_digits(d, n * unit, digit_count(n * unit) - k);
    return true;
}

/*
 * The value is whole + fraction / 2^scale. Each step multiplies the fraction by
 * ten and takes the digit that leaves it, until what is left, or what is missing
 * to the next digit, lies within the interval. A carry into the digit before
 * cannot happen: it would have ended one step earlier.
 */
static bool fixed_point(const struct binary *b, struct decimal *d)
{
    int scale = 2 - b->e; /* two bits more than m: half and quarter steps are whole */
    if (b->e > 0 || scale > 120) return false;
    uint64_t whole = b->e <= -64 ? 0 : b->m >> -b->e;
    unsigned __int128 one = (unsigned __int128)1 << scale, mask = one - 1;
    unsigned __int128 rest = ((unsigned __int128)b->m << 2) & mask;
    unsigned __int128 above = 2, below = b->power_of_two ? 1 : 2;
    if (rest == 0) {
        set_digits(d, whole, digit_count(whole));
        return true;
    }
    d->count = whole == 0 ? 0 : (int)fa_json_number_uint64(whole, d->digits);
    d->point = d->count;
    for (;;) {
        rest *= 10;
        above *= 10;
        below *= 10;
        unsigned digit = (unsigned)(rest >> scale);
        rest &= mask;
        bool low = b->even ? rest <= below : rest < below;
        bool high = b->even ? rest + above >= one : rest + above > one;
        if (low || high) {
            bool up = high && (!low || rest * 2 > one || (rest * 2 == one && (digit & 1) != 0));
            d->digits[d->count++] = (char)('0' + digit + up);
            return true;
        }
        if (digit == 0 && d->count == 0) {
            d->point--;
        } else {
            d->digits[d->count++] = (char)('0' + digit);
        }
    }
}

/* Long integers, least word first. 10^309 * 2^4 and 2^54 * 10^324 both fit. */
enum { LONG_WORDS = 40 };

struct longint {
    uint32_t words[LONG_WORDS];
    int used;
};

static void long_set(struct longint *a, uint64_t value)
{
    a->words[0] = (uint32_t)value;
    a->words[1] = (uint32_t)(value >> 32);
    a->used = a->words[1] != 0 ? 2 : a->words[0] != 0;
}

static void long_multiply(struct longint *a, uint32_t factor)
{
    uint64_t carry = 0;
    for (int i = 0; i < a->used; i++) {
        carry += (uint64_t)a->words[i] * factor;
        a->words[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry != 0) {
        FA_ASSERT(a->used < LONG_WORDS);
        a->words[a->used++] = (uint32_t)carry;
    }
}

static void long_multiply_ten_to(struct longint *a, int exponent)
{
    for (; exponent >= 9; exponent -= 9)
        long_multiply(a, 1000000000u);
    if (exponent > 0) long_multiply(a, (uint32_t)TEN_TO[exponent]);
}

static void long_shift(struct longint *a, int bits)
{
    for (; bits >= 31; bits -= 31)
        long_multiply(a, UINT32_C(1) << 31);
    long_multiply(a, UINT32_C(1) << bits);
}

static void long_add(struct longint *sum, const struct longint *a, const struct longint *b)
{
    uint64_t carry = 0;
    int used = a->used > b->used ? a->used : b->used;
    for (int i = 0; i < used; i++) {
        carry += i < a->used ? a->words[i] : 0;
        carry += i < b->used ? b->words[i] : 0;
        sum->words[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry != 0) {
        FA_ASSERT(used < LONG_WORDS);
        sum->words[used++] = (uint32_t)carry;
    }
    sum->used = used;
}

static int long_compare(const struct longint *a, const struct longint *b)
{
    if (a->used != b->used) return a->used < b->used ? -1 : 1;
    for (int i = a->used - 1; i >= 0; i--) {
        if (a->words[i] != b->words[i]) return a->words[i] < b->words[i] ? -1 : 1;
    }
    return 0;
}

/* a -= b, where a >= b. */
static void long_subtract(struct longint *a, const struct longint *b)
{
    int64_t borrow = 0;
    for (int i = 0; i < a->used; i++) {
        borrow += (int64_t)a->words[i] - (i < b->used ? b->words[i] : 0);
        a->words[i] = (uint32_t)borrow;
        borrow >>= 32; /* 0 or -1 */
    }
    while (a->used > 0 && a->words[a->used - 1] == 0)
        a->used--;
}

/* Does rest + above reach (or, where the ends do not count, pass) one? */
static bool reaches(
    const struct longint *rest, const struct longint *above, const struct longint *one, bool even)
{
    struct longint sum;
    long_add(&sum, rest, above);
    int order = long_compare(&sum, one);
    return even ? order >= 0 : order > 0;
}

/* As fixed_point (Steele and White's algorithm), for any exponent. */
static void any_double(const struct binary *b, struct decimal *d)
{
    struct longint rest, one, above, below;
    long_set(&rest, b->m);
    long_set(&one, 1);
    long_set(&above, 1);
    long_shift(&rest, 2 + (b->e > 0 ? b->e : 0));
    long_shift(&one, 2 + (b->e < 0 ? -b->e : 0));
    long_shift(&above, 1 + (b->e > 0 ? b->e : 0));
    below = above;
    if (b->power_of_two) { /* a quarter step: halve by doubling the others */
        long_shift(&rest, 1);
        long_shift(&one, 1);
        long_shift(&above, 1);
    }
    /* Now value = rest / one. Scale it to below 1 by 10^point, which is one of
     * two numbers: 1233/4096 is a little less than log10(2). */
    int bits = 64 - __builtin_clzll(b->m) + b->e;
    d->point = (bits - 1) * 1233 / 4096 - (bits - 1 < 0);
    if (d->point > 0) {
        long_multiply_ten_to(&one, d->point);
    } else {
        long_multiply_ten_to(&rest, -d->point);
        long_multiply_ten_to(&above, -d->point);
        long_multiply_ten_to(&below, -d->point);
    }
    while (reaches(&rest, &above, &one, b->even)) {
        long_multiply(&one, 10);
        d->point++;
    }
    d->count = 0;
    for (;;) {
        long_multiply(&rest, 10);
        long_multiply(&above, 10);
        long_multiply(&below, 10);
        int digit = 0;
        while (long_compare(&rest, &one) >= 0) {
            long_subtract(&rest, &one);
            digit++;
        }
        int order = long_compare(&rest, &below);
        bool low = b->even ? order <= 0 : order < 0;
        bool high = reaches(&rest, &above, &one, b->even);
        if (low && high) {
            long_multiply(&rest, 2);
            order = long_compare(&rest, &one);
            high = order > 0 || (order == 0 && (digit & 1) != 0);
        }
        if (low || high) {
            d->digits[d->count++] = (char)('0' + digit + high);
            return;
        }
        d->digits[d->count++] = (char)('0' + digit);
    }
}

/* 1.5e-07: the exponent has a sign and at least two digits. */
static char *put_exponent(char *at, const struct decimal *d)
{
    *at++ = d->digits[0];
    if (d->count > 1) {
        *at++ = '.';
        memcpy(at, d->digits + 1, (size_t)d->count - 1);
        at += d->count - 1;
    }
    int exponent = d->point - 1;
    *at++ = 'e';
    *at++ = exponent < 0 ? '-' : '+';
    unsigned size = (unsigned)(exponent < 0 ? -exponent : exponent);
    if (size >= 100) *at++ = (char)('0' + size / 100);
    memcpy(at, TWO_DIGITS + size % 100 * 2, 2);
    return at + 2;
}

/*
 * 0.00015, 1500.0, 1.5. Copies of a fixed size are moves without a loop: they write
 * more than is wanted, but within FA_JSON_NUMBER_SIZE.
 */
static char *put_plain(char *at, const struct decimal *d)
{
    size_t count = (size_t)d->count;
    if (d->point <= 0) {
        memcpy(at, "0.000", 5); /* point is -3 at least */
        at += 2 - d->point;
        memcpy(at, d->digits, 24);
        return at + count;
    }
    size_t whole = (size_t)d->point; /* 16 at most, and 17 digits at most */
    memcpy(at, d->digits, 24);
    if (count <= whole) {
        memcpy(at + count, "0000000000000000", 16);
        memcpy(at + whole, ".0", 2);
        return at + whole + 2;
    }
    at[whole] = '.';
    memcpy(at + whole + 1, d->digits + whole, 16);
    return at + count + 1;
}

size_t fa_json_number_double(double value, char *out)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    char *at = out;
    if (bits >> 63 != 0) *at++ = '-';
    bits &= UINT64_MAX >> 1;
    if (FA_UNLIKELY(bits >> 52 == 0x7ff)) return 0;
    if (bits == 0) {
        memcpy(at, "0.0", 3);
        return (size_t)(at - out) + 3;
    }
    memcpy(&value, &bits, sizeof value);
    struct decimal d;
    bool usual = value >= 1e-7 && value < 1e15;
    int k = usual ? reach_of_15(value) : 0;
    if (!usual || !few_digits(value, k, &d)) {
        struct binary b = split(bits);
        if (!(usual && all_digits(&b, k + 2, &d)) && !fixed_point(&b, &d)) any_double(&b, &d);
    }
    /* repr's rule: plain from 1e-4 up to below 1e16 */
    at = d.point > -4 && d.point <= 16 ? put_plain(at, &d) : put_exponent(at, &d);
    return (size_t)(at - out);
}
