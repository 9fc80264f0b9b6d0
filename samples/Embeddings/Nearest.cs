using System.Numerics.Tensors;

namespace Embeddings;

internal readonly record struct Neighbour(float Score, long Row);

/// <summary>The best k of what it is offered: a heap with the worst of them on top. One thread.</summary>
internal sealed class Nearest(int k)
{
    private readonly Neighbour[] _heap = new Neighbour[k];
    private int _count;

    /// <summary>Offers rows that lie one behind another.</summary>
    public void OfferRows(ReadOnlySpan<float> query, ReadOnlySpan<float> vectors, ReadOnlySpan<long> rows)
    {
        for (int i = 0; i < rows.Length; i++)
            Offer(new Neighbour(TensorPrimitives.Dot(query, vectors.Slice(i * query.Length, query.Length)), rows[i]));
    }

    /// <summary>The best one first.</summary>
    public Neighbour[] ToArray()
    {
        Neighbour[] sorted = _heap[.._count];
        Array.Sort(sorted, static (a, b) => IsWorse(b, a) ? -1 : 1);
        return sorted;
    }

    private void Offer(Neighbour candidate)
    {
        if (_count < k)
        {
            int place = _count++;
            for (; place > 0 && IsWorse(candidate, _heap[(place - 1) / 2]); place = (place - 1) / 2)
                _heap[place] = _heap[(place - 1) / 2];
            _heap[place] = candidate;
        }
        else if (IsWorse(_heap[0], candidate))
        {
            ReplaceWorst(candidate);
        }
    }

    private void ReplaceWorst(Neighbour candidate)
    {
        int place = 0;
        for (int child = 1; child < _count; child = (2 * place) + 1)
        {
            if (child + 1 < _count && IsWorse(_heap[child + 1], _heap[child]))
                child++;
            if (!IsWorse(_heap[child], candidate))
                break;
            _heap[place] = _heap[child];
            place = child;
        }

        _heap[place] = candidate;
    }

    // Of equal ones the earlier row is the better, so that the result does not depend on the order of the offers.
    private static bool IsWorse(Neighbour a, Neighbour b) => a.Score < b.Score || (a.Score == b.Score && a.Row > b.Row);
}
