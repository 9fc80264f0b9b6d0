namespace Paging.Benchmarks.Traces;

/// <summary>CLOCK, or second chance (Corbató, "A Paging Experiment with the Multics System", 1968): a hand over the frames clears reference
/// bits until it meets a page without one.</summary>
/// <remarks>Being brought in sets no bit: an access after that does.</remarks>
internal sealed class Clock(int frames, int pages) : IReplacement
{
    private readonly int[] _pageOfFrame = new int[frames];
    private readonly bool[] _isResident = new bool[pages];
    private readonly bool[] _isReferenced = new bool[pages];
    private int _used;
    private int _hand;

    public bool IsResident(int page) => _isResident[page];

    public bool Access(int page)
    {
        if (_isResident[page])
        {
            _isReferenced[page] = true;
            return true;
        }

        _pageOfFrame[_used < frames ? _used++ : Evict()] = page;
        _isResident[page] = true;
        return false;
    }

    /// <returns>The free frame, behind the hand: it is the last that the hand comes to.</returns>
    private int Evict()
    {
        while (_isReferenced[_pageOfFrame[_hand]])
        {
            _isReferenced[_pageOfFrame[_hand]] = false;
            Advance();
        }

        int frame = _hand;
        _isResident[_pageOfFrame[frame]] = false;
        Advance();
        return frame;
    }

    private void Advance() => _hand = _hand + 1 == frames ? 0 : _hand + 1;
}
