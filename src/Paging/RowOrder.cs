namespace Paging;

/// <summary>An order of rows, every row once an epoch: a pure function of seed and epoch, so that machines agree and any position can be
/// resumed.</summary>
/// <remarks>Immutable, and so thread-safe. It holds no table: each row is computed from its position. What it computes is frozen: the same
/// arguments give the same order on every machine and in every later version.</remarks>
public sealed class RowOrder
{
    /// <summary>Which permutation of an epoch. The number is a part of the format, as are those of <see cref="BlockOrder"/>.</summary>
    private const ulong OfRows = 0;

    private readonly Kind _kind;
    private readonly ulong _seed;
    private readonly long _blockRows;
    private readonly long _windowBlocks;

    private RowOrder(Kind kind, long rows, ulong seed, int blockRows = 1, int windowBlocks = 1)
    {
        if (rows <= 0)
        {
            throw new ArgumentOutOfRangeException(nameof(rows), rows, $"An order has at least one row, not {rows:N0}.");
        }

        _kind = kind;
        Rows = rows;
        _seed = RowPermutation.Absorb(0, seed);
        _blockRows = blockRows;
        _windowBlocks = windowBlocks;
    }

    private enum Kind
    {
        Sequential,
        Shuffled,
        BlockShuffled,
    }

    /// <summary>The number of rows: an epoch has each of 0 to <see cref="Rows"/> − 1 once.</summary>
    public long Rows { get; }

    /// <summary>Rows as they lie, the same in every epoch.</summary>
    /// <param name="rows">The number of rows, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are no rows.</exception>
    public static RowOrder Sequential(long rows) => new(Kind.Sequential, rows, 0);

    /// <summary>Every row anywhere: a fresh permutation an epoch, without a table of it in memory. Rows that share a page are far apart, so
    /// that an epoch of data several times the budget reads each page about once a row.</summary>
    /// <param name="rows">The number of rows, at least 1.</param>
    /// <param name="seed">Any number.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are no rows.</exception>
    public static RowOrder Shuffled(long rows, ulong seed) => new(Kind.Shuffled, rows, seed);

    /// <summary>Blocks of <paramref name="blockRows"/> rows in shuffled order, rows shuffled within windows of
    /// <paramref name="windowBlocks"/> blocks: nearly as random, and paged as cheaply as reading in order.</summary>
    /// <param name="rows">The number of rows, at least 1. The last block is short if they are no multiple of
    /// <paramref name="blockRows"/>.</param>
    /// <param name="seed">Any number.</param>
    /// <param name="blockRows">Rows of a block, at least 1. With a multiple of <see cref="PagedMatrix{T}.RowsPerPage"/> no page is in two
    /// blocks.</param>
    /// <param name="windowBlocks">Blocks whose rows are shuffled together, at least 1. If they are 4,096 or fewer, and their pages
    /// a quarter of the pager's frames or fewer (over all readers), each page is brought in once an epoch, ahead of the batches, and nearly as
    /// fast as in order.</param>
    /// <exception cref="ArgumentOutOfRangeException">One of the numbers is less than 1.</exception>
    public static RowOrder BlockShuffled(long rows, ulong seed, int blockRows, int windowBlocks)
    {
        if (blockRows <= 0)
        {
            throw new ArgumentOutOfRangeException(nameof(blockRows), blockRows, $"A block has at least one row, not {blockRows:N0}.");
        }

        if (windowBlocks <= 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(windowBlocks), windowBlocks, $"A window has at least one block, not {windowBlocks:N0}.");
        }

        return new RowOrder(Kind.BlockShuffled, rows, seed, blockRows, windowBlocks);
    }

    /// <summary>The rows at positions [position, position + rows.Length) of an epoch; fewer at its end. Each takes the same time, wherever
    /// it stands.</summary>
    /// <param name="epoch">0 or more.</param>
    /// <param name="position">0 to <see cref="Rows"/>.</param>
    /// <param name="rows">Receives them.</param>
    /// <returns>How many there are.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The epoch is negative, or the position outside the epoch.</exception>
    public int CopyTo(long epoch, long position, Span<long> rows)
    {
        CheckPlace(epoch, position);
        int count = (int)Math.Min(rows.Length, Rows - position);
        rows = rows[..count];
        switch (_kind)
        {
            case Kind.Sequential:
                for (int i = 0; i < rows.Length; i++)
                {
                    rows[i] = position + i;
                }

                break;

            case Kind.Shuffled:
                var permutation = new RowPermutation(Rows, RowPermutation.Absorb(StateOf(epoch), OfRows));
                for (int i = 0; i < rows.Length; i++)
                {
                    rows[i] = permutation.At(position + i);
                }

                break;

            default:
                BlocksOf(epoch).CopyTo(position, rows);
                break;
        }

        return count;
    }

    /// <summary>Whether rows that are near in it lie near one another.</summary>
    internal bool IsLocal => _kind != Kind.Shuffled;

    /// <summary>Whether it is a block-shuffled one, with windows of blocks.</summary>
    internal bool HasBlocks => _kind == Kind.BlockShuffled;

    /// <summary>An epoch of a block-shuffled order.</summary>
    internal BlockOrder BlocksOf(long epoch) => new(Rows, _blockRows, _windowBlocks, StateOf(epoch));

    /// <summary>Checks that an epoch and a position in it can be asked for.</summary>
    internal void CheckPlace(long epoch, long position)
    {
        if (epoch < 0)
        {
            throw new ArgumentOutOfRangeException(nameof(epoch), epoch, $"Epochs are counted from 0, and {epoch:N0} is less.");
        }

        if (position < 0 || position > Rows)
        {
            throw new ArgumentOutOfRangeException(
                nameof(position), position, $"Position {position:N0} is not in an epoch of {Rows:N0} rows: it is 0 to {Rows:N0}.");
        }
    }

    private ulong StateOf(long epoch) => RowPermutation.Absorb(_seed, (ulong)epoch);
}
