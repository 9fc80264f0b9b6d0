namespace Paging.Swap;

/// <summary>Chunks ordered by a key each: a binary heap that knows the place of each chunk in it.</summary>
/// <remarks>Not thread-safe. Reading the first takes constant time, changing a key the logarithm of the number of chunks. New keys are
/// mostly the highest so far, and those take one step.</remarks>
internal sealed class ChunkHeap(int capacity)
{
    internal const int None = -1;

    private readonly int[] _heap = new int[capacity];
    private int _count;

    /// <summary>The key of each chunk, by chunk.</summary>
    private readonly long[] _keys = new long[capacity];

    /// <summary>By chunk: its place in the heap, plus one; 0 when it is not in the heap.</summary>
    private readonly int[] _places = new int[capacity];

    /// <summary>The chunk with the lowest key; none when there are no chunks.</summary>
    internal int First => _count == 0 ? None : _heap[0];

    internal long KeyOf(int chunk) => _keys[chunk];

    /// <summary>Puts a chunk where its key belongs, whether or not the chunk was in the heap.</summary>
    internal void Set(int chunk, long key)
    {
        int place = _places[chunk] - 1;
        if (place >= 0 && _keys[chunk] == key)
        {
            return;
        }

        _keys[chunk] = key;
        Sift(chunk, place >= 0 ? place : _count++);
    }

    internal void Remove(int chunk)
    {
        int place = _places[chunk] - 1;
        if (place < 0)
        {
            return;
        }

        _places[chunk] = 0;
        int last = _heap[--_count];
        if (last != chunk)
        {
            Sift(last, place);
        }
    }

    /// <summary>Puts a chunk at a place that is free, and moves it from there to where its key belongs.</summary>
    private void Sift(int chunk, int place)
    {
        long key = _keys[chunk];
        for (int above = (place - 1) >> 1; place > 0 && key < _keys[_heap[above]]; above = (place - 1) >> 1)
        {
            Put(_heap[above], place);
            place = above;
        }

        for (int below = (2 * place) + 1; below < _count; below = (2 * place) + 1)
        {
            if (below + 1 < _count && _keys[_heap[below + 1]] < _keys[_heap[below]])
            {
                below++;
            }

            if (_keys[_heap[below]] >= key)
            {
                break;
            }

            Put(_heap[below], place);
            place = below;
        }

        Put(chunk, place);
    }

    private void Put(int chunk, int place)
    {
        _heap[place] = chunk;
        _places[chunk] = place + 1;
    }
}
