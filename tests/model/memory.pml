/*
 * memory.pml - C11's memory for the models beside it, as views.
 *
 * A place holds a number that only grows (how much was published). A thread that
 * reads it may get any value it cannot know to be outdated: not less than what it
 * has seen. That covers store buffers and everything else a processor or a compiler
 * may do to independent loads and stores.
 *
 * A word is changed by read-modify-writes alone; each reads what the one before it
 * wrote. A release leaves with the word what the thread has seen; an acquire takes
 * over what was left there, by all before it (C11: a release sequence). That is all
 * the ordering the models use: what seq_cst adds in the code they do not need.
 *
 * The user defines PLACES, WORDS and THREADS, and a word's value where it likes.
 */
typedef View {
    byte at[PLACES]
};

byte newest[PLACES];
View seen[THREADS];
View left[WORDS];

/* Publish one more; relaxed. */
inline publish(me, place)
{
    d_step {
        newest[place]++;
        seen[me].at[place] = newest[place]
    }
}

/* Read a place; relaxed. */
inline look(me, place, value)
{
    atomic {
        value = seen[me].at[place];
        do
        :: value < newest[place] -> value++
        :: break
        od;
        seen[me].at[place] = value
    }
}

/* What goes with a read-modify-write; in the same atomic step as the word's change. */
inline acquire(me, word, k)
{
    for (k : 0 .. PLACES - 1) {
        if
        :: left[word].at[k] > seen[me].at[k] -> seen[me].at[k] = left[word].at[k]
        :: else
        fi
    }
    k = 0
}

inline release(me, word, k)
{
    for (k : 0 .. PLACES - 1) {
        if
        :: left[word].at[k] < seen[me].at[k] -> left[word].at[k] = seen[me].at[k]
        :: else
        fi
    }
    k = 0
}
